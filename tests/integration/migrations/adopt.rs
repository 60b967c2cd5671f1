//! `adopt_schema`: an existing schema becomes a tenant's.

use tenant_core::{
    TenantStatus, VersionSkew,
    audit::{Expected, audit},
    catalog::{SeaOrmStore, TenantStore},
};
use tenant_migration::{Applied, DropOptions, TenantRoles, adopt_schema, drop_tenant};

use super::*;

/// A schema that another library created: a table `note`, and a function that finds it on the caller's search path.
const LEGACY: &str = "
    CREATE SCHEMA \"Acme-1\";
    CREATE TABLE \"Acme-1\".note (id serial PRIMARY KEY, plan text DEFAULT 'free');
    INSERT INTO \"Acme-1\".note DEFAULT VALUES;
    CREATE FUNCTION \"Acme-1\".notes() RETURNS bigint LANGUAGE plpgsql
        AS 'BEGIN RETURN (SELECT count(*) FROM note); END'";

fn legacy() -> NewTenant {
    new("Acme-1").kind("trial")
}

/// Returns everything that `adopt_schema` creates: rows of the catalog, the ledger, `search_path`s of
/// functions, and roles.
async fn trace(db: &impl ConnectionTrait) -> Vec<String> {
    let sql = "SELECT schema_name FROM public.tenants UNION ALL SELECT domain FROM public.domains
        UNION ALL SELECT relname FROM pg_class WHERE relname = 'seaql_migrations' AND relnamespace <> 'public'::regnamespace
        UNION ALL SELECT proname FROM pg_proc WHERE proconfig IS NOT NULL AND proname = 'notes'
        UNION ALL SELECT rolname FROM pg_roles WHERE rolname LIKE 'tenant.' || current_database() || '.%'";
    column(db, sql).await
}

#[tokio::test]
async fn a_schema_becomes_a_tenant_with_the_migrations_it_is_said_to_have() {
    for (applied, recorded, ran) in [
        (Applied::To("m1_create_note".to_owned()), "m1_create_note", "m2"),
        (Applied::All, "m2_create_tag", ""),
    ] {
        let migrations = with([NOTE, TAG]).with_tenant_roles(TenantRoles::new());
        let (db, connection) = with_tenants(&migrations, &[]).await;
        db.execute(LEGACY).await;
        let adopted = adopt_schema(&connection, &migrations, &legacy(), &applied)
            .await
            .unwrap();
        assert_eq!(adopted.version(), Some(recorded));
        let found = SeaOrmStore::new(connection.clone());
        let found = found.by_schema(&schema("Acme-1")).await.unwrap().unwrap();
        assert_eq!(found.version(), Some(recorded));
        assert_eq!(found.id(), adopted.id());
        assert_eq!((found.kind(), found.name()), ("trial", "ACME-1"));
        assert_eq!(found.status(), TenantStatus::Active);
        assert_eq!(found.domain(), Some("acme-1.example.com"));
        // The function works with any search path of its caller.
        assert_eq!(column(&connection, "SELECT \"Acme-1\".notes()").await, ["1"]);
        let role = format!("tenant.{}.Acme-1", db.name());
        let reads = format!("SELECT has_table_privilege('{role}', '\"Acme-1\".note', 'SELECT')");
        assert_eq!(column(&connection, &reads).await, ["true"]);

        let report = up(&db, &migrations).await;
        let outcomes = outcomes(&report);
        assert!(report.is_success(), "{outcomes:?}");
        let last = outcomes.last().unwrap();
        let expected = if ran.is_empty() {
            "Acme-1: -"
        } else {
            "Acme-1: applied m2_create_tag"
        };
        assert_eq!(last, expected);
        assert_eq!(
            ledger(&connection, "Acme-1").await,
            ["m1_create_note", "m2_create_tag"]
        );
        let audited = audit(&connection, &Expected::of_program().unwrap().without_entities())
            .await
            .unwrap();
        assert_eq!(audited.errors(), 0, "{audited:?}");
    }
}

#[tokio::test]
async fn nothing_is_recorded_that_was_not_said() {
    let migrations = with([TAG]);
    let (db, connection) = with_tenants(&migrations, &[]).await;
    db.execute(LEGACY).await;
    let adopted = adopt_schema(&connection, &migrations, &legacy(), &Applied::None)
        .await
        .unwrap();
    assert_eq!(adopted.version(), None);
    assert_eq!(
        migrations.versions().compare(&adopted),
        VersionSkew::Behind { pending: 1 }
    );
    assert!(ledger(&connection, "Acme-1").await.is_empty());
    assert!(up(&db, &migrations).await.is_success());
    assert_eq!(ledger(&connection, "Acme-1").await, ["m2_create_tag"]);
}

#[tokio::test]
async fn a_ledger_that_is_there_is_believed() {
    let migrations = with([NOTE, TAG]);
    let (db, connection) = with_tenants(&migrations, &["globex"]).await;
    db.execute(LEGACY).await;
    db.execute("CREATE TABLE \"Acme-1\".seaql_migrations AS SELECT * FROM globex.seaql_migrations LIMIT 1")
        .await;
    db.execute("UPDATE \"Acme-1\".seaql_migrations SET version = 'm9_of_another_program'")
        .await;
    let refused = adopt_schema(&connection, &migrations, &legacy(), &Applied::All).await;
    assert!(
        matches!(&refused, Err(LifecycleError::Schema { source: SchemaError::UnknownMigrations { names }, .. }) if names == &["m9_of_another_program"]),
        "{refused:?}"
    );
    db.execute("UPDATE \"Acme-1\".seaql_migrations SET version = 'm2_create_tag'")
        .await;
    let applied = Applied::To("m1_create_note".to_owned());
    let adopted = adopt_schema(&connection, &migrations, &legacy(), &applied)
        .await
        .unwrap();
    assert_eq!(adopted.version(), Some("m2_create_tag"));
    assert_eq!(
        ledger(&connection, "Acme-1").await,
        ["m1_create_note", "m2_create_tag"]
    );
}

#[tokio::test]
async fn what_is_no_tenants_is_left_alone() {
    let extensions = schema("extensions");
    let migrations = with([NOTE]).with_extension_schemas([extensions]);
    let (db, connection) = with_tenants(&migrations, &["globex"]).await;
    db.execute(LEGACY).await;
    let (login, group) = (format!("{}_login", db.name()), format!("{}_group", db.name()));
    db.execute(&format!(
        "CREATE SCHEMA extensions; CREATE SCHEMA case_twin; CREATE SCHEMA \"Case_Twin\"; CREATE SCHEMA \"{login}\";
         CREATE SCHEMA \"{group}\"; CREATE SCHEMA with_extension; CREATE EXTENSION citext SCHEMA with_extension;
         CREATE ROLE \"{login}\" LOGIN; CREATE ROLE \"{group}\""
    ))
    .await;
    let adopt = async |name: &str| {
        let new = NewTenant::new(schema(name), "X").domain(Host::parse("x.example.com").unwrap());
        adopt_schema(&connection, &migrations, &new, &Applied::All)
            .await
            .unwrap_err()
    };
    let before = trace(&connection).await;
    for name in ["globex", "GLOBEX", "extensions", "case_twin", &login, &group] {
        let error = adopt(name).await;
        assert!(
            matches!(error, LifecycleError::Name(NameError::SchemaTaken { .. })),
            "{name}: {error}"
        );
    }
    db.execute(&format!("DROP ROLE \"{login}\", \"{group}\"")).await;
    // A name is taken if it differs from the name of an existing schema in case only.
    let error = adopt("acme-1").await;
    assert!(
        matches!(error, LifecycleError::Name(NameError::SchemaTaken { .. })),
        "{error}"
    );
    let error = adopt("nowhere").await;
    assert!(
        matches!(
            error,
            LifecycleError::Schema {
                source: SchemaError::NoSchema,
                ..
            }
        ),
        "{error}"
    );
    let error = adopt("public").await;
    assert!(matches!(error, LifecycleError::PublicTenant { .. }), "{error}");
    let error = adopt("with_extension").await;
    assert!(error.to_string().contains("the extension citext"), "{error}");

    let taken = legacy().domain(Host::parse("globex.example.com").unwrap());
    let error = adopt_schema(&connection, &migrations, &taken, &Applied::All)
        .await
        .unwrap_err();
    assert!(
        matches!(error, LifecycleError::Name(NameError::DomainTaken { .. })),
        "{error}"
    );
    let unknown = Applied::To("m7".to_owned());
    let error = adopt_schema(&connection, &migrations, &legacy(), &unknown)
        .await
        .unwrap_err();
    assert!(matches!(error, LifecycleError::NoSuchMigration { .. }), "{error}");
    assert_eq!(trace(&connection).await, before, "nothing was kept of all these");
}

#[tokio::test]
async fn the_name_of_a_tenant_that_is_gone_is_asked_for() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme-1"]).await;
    let at_once = DropOptions::default().drain(std::time::Duration::ZERO);
    drop_tenant(&connection, &migrations, &schema("acme-1"), &at_once)
        .await
        .unwrap();
    db.execute(LEGACY).await;
    let refused = adopt_schema(&connection, &migrations, &legacy(), &Applied::All).await;
    assert!(
        matches!(refused, Err(LifecycleError::Name(NameError::NameRetired { .. }))),
        "{refused:?}"
    );
    assert!(trace(&connection).await.is_empty());
    let legacy = legacy().reuse_name();
    let refused = adopt_schema(&connection, &migrations, &legacy, &Applied::All).await;
    assert!(
        matches!(refused, Err(LifecycleError::Name(NameError::NameInUse { .. }))),
        "{refused:?}"
    );
    age_drops(&connection).await;
    adopt_schema(&connection, &migrations, &legacy, &Applied::All)
        .await
        .unwrap();
}

/// If two adopt a schema at the same time, one succeeds and the other gets an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_adopt_a_schema_one_does() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &[]).await;
    db.execute(LEGACY).await;
    let (first, second) = (
        NewTenant::new(schema("Acme-1"), "A"),
        NewTenant::new(schema("Acme-1"), "B"),
    );
    let (first, second) = tokio::join!(
        adopt_schema(&connection, &migrations, &first, &Applied::All),
        adopt_schema(&connection, &migrations, &second, &Applied::All),
    );
    assert_ne!(first.is_ok(), second.is_ok());
    let error = first.err().or(second.err()).unwrap();
    assert!(
        matches!(error, LifecycleError::Name(NameError::SchemaTaken { .. })),
        "{error}"
    );
    let created = create_tenant(&connection, &migrations, &NewTenant::new(schema("acme-1"), "C")).await;
    assert!(
        matches!(created, Err(LifecycleError::Name(NameError::SchemaTaken { .. }))),
        "{created:?}"
    );
}

#[tokio::test]
async fn the_command_line_adopts_and_says_what_is_left() {
    let migrations = with([NOTE, TAG]);
    let (db, connection) = with_tenants(&migrations, &[]).await;
    db.execute(LEGACY).await;
    let adopt = ["tenant", "adopt", "Acme-1", "--domain", "a.example.com"];
    let words: Vec<_> = adopt
        .into_iter()
        .chain(["--applied-to", "m1_create_note"])
        .collect();
    let (out, result) = cli(&db, &migrations, &words).await;
    result.unwrap();
    assert!(out.starts_with("adopted tenant Acme-1\n"), "{out}");
    assert!(
        out.contains("1 migrations are pending: `up --tenant Acme-1`"),
        "{out}"
    );
    let (_, result) = cli(&db, &migrations, &["up", "--tenant", "Acme-1"]).await;
    result.unwrap();
    assert_eq!(ledger(&connection, "Acme-1").await.len(), 2);
    let (_, result) = cli(&db, &migrations, &adopt).await;
    assert!(
        matches!(
            result,
            Err(CliError::Lifecycle(LifecycleError::Name(
                NameError::SchemaTaken { .. }
            )))
        ),
        "{result:?}"
    );
}

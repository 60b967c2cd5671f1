//! `rename_schema`: renames the schema of a suspended tenant, with everything that contains the name.

use std::time::{Duration, Instant};

use sea_orm::TransactionTrait as _;
use tenant_core::{
    audit::{Expected, audit},
    catalog::{SeaOrmStore, TenantStore},
};
use tenant_migration::{
    DropOptions, RenameOptions, TenantRoles, archive_tenant, drop_tenant, rename_schema, resume_tenant,
    set_maintenance, suspend_tenant,
};

use tests::connection_of;

use super::*;

const NOTES: Sql = Sql::new(
    "m2_notes",
    "CREATE FUNCTION notes() RETURNS bigint LANGUAGE plpgsql
        AS 'BEGIN RETURN (SELECT count(*) FROM note); END'",
    "DROP FUNCTION notes",
);

fn at_once() -> RenameOptions {
    RenameOptions::default().settle(Duration::ZERO)
}

async fn schemas(db: &impl ConnectionTrait) -> Vec<String> {
    let sql =
        "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema|public)' ORDER BY 1";
    column(db, sql).await
}

/// Checks the tenants' schemas in PostgreSQL and in the tenants' catalog.
async fn assert_schemas(db: &impl ConnectionTrait, expected: &[&str]) {
    assert_eq!(schemas(db).await, expected);
    let sql = "SELECT schema_name FROM public.tenants ORDER BY schema_name";
    assert_eq!(column(db, sql).await, expected);
}

#[tokio::test]
async fn all_that_has_the_name_gets_the_new_one() {
    let migrations = with([NOTE, NOTES]).with_tenant_roles(TenantRoles::new());
    let (db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    let (acme, new) = (schema("acme"), schema("Acme-Inc"));
    db.execute(
        "CREATE FUNCTION acme.by_name() RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog
        AS 'BEGIN RETURN (SELECT count(*) FROM acme.note); END'",
    )
    .await;
    let id = column(
        &connection,
        "SELECT id FROM public.tenants WHERE schema_name = 'acme'",
    )
    .await;
    suspend_tenant(&connection, &acme).await.unwrap();
    let renamed = rename_schema(&connection, &migrations, &acme, &new, &at_once())
        .await
        .unwrap();
    assert_eq!(renamed.functions, 1);
    assert_eq!(renamed.outdated, ["function by_name()"]);
    assert_schemas(&connection, &["Acme-Inc", "globex"]).await;
    let same = "SELECT id FROM public.tenants WHERE schema_name = 'Acme-Inc' AND name = 'ACME' AND status = 'suspended'";
    assert_eq!(column(&connection, same).await, id);
    assert_eq!(column(&connection, "SELECT \"Acme-Inc\".notes()").await, ["1"]);
    let roles =
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'tenant.' || current_database() || '.%' ORDER BY 1";
    let role = |schema: &str| format!("tenant.{}.{schema}", db.name());
    assert_eq!(
        column(&connection, roles).await,
        [role("Acme-Inc"), role("globex")]
    );

    resume_tenant(&connection, &migrations, &new).await.unwrap();
    let tenants = tenant_core::Tenants::builder()
        .run_as_tenant_roles()
        .connect(db.options())
        .await
        .unwrap();
    let of_acme = connection_of(&tenants, "Acme-Inc").await;
    assert_eq!(count(&of_acme, "SELECT id FROM \"$tenant\".note").await, 1);
    db.execute("DROP FUNCTION \"Acme-Inc\".by_name").await;
    assert!(up(&db, &migrations).await.is_success());
    let audited = audit(&connection, &Expected::of_program().unwrap().without_entities())
        .await
        .unwrap();
    assert_eq!(audited.errors(), 0, "{audited:?}");
    let tenant = SeaOrmStore::new(connection.clone())
        .by_schema(&new)
        .await
        .unwrap();
    assert_eq!(tenant.unwrap().domain(), Some("acme.example.com"));
}

#[tokio::test]
async fn the_old_name_is_the_tenants_and_nobody_elses() {
    let migrations = with([NOTE]);
    let (_db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    let (acme, new, globex) = (schema("acme"), schema("acme_inc"), schema("globex"));
    for tenant in [&acme, &globex] {
        archive_tenant(&connection, tenant).await.unwrap();
    }
    rename_schema(&connection, &migrations, &acme, &new, &at_once())
        .await
        .unwrap();
    for name in ["acme", "ACME"] {
        let refused = create_tenant(&connection, &migrations, &NewTenant::new(schema(name), "New")).await;
        assert!(
            matches!(refused, Err(LifecycleError::Name(NameError::NameRetired { .. }))),
            "{refused:?}"
        );
        let refused = rename_schema(&connection, &migrations, &globex, &schema(name), &at_once()).await;
        assert!(
            matches!(refused, Err(LifecycleError::Name(NameError::NameRetired { .. }))),
            "{refused:?}"
        );
    }
    // The old name does not count as a dropped tenant.
    let at_once_dropped = DropOptions::default().drain(Duration::ZERO);
    let refused = drop_tenant(&connection, &migrations, &acme, &at_once_dropped).await;
    assert!(
        matches!(
            refused,
            Err(LifecycleError::Lookup(LookupError::NoSuchTenant { .. }))
        ),
        "{refused:?}"
    );
    // The tenant can get back its old name, in upper or lower case. Then its other name is reserved.
    let upper = schema("ACME");
    for (from, to) in [(&new, &acme), (&acme, &upper), (&upper, &upper), (&upper, &acme)] {
        rename_schema(&connection, &migrations, from, to, &at_once())
            .await
            .unwrap();
    }
    assert_schemas(&connection, &["acme", "globex"]).await;
    let kept = "SELECT schema_name || ' ' || renamed_to FROM public.dropped_tenants";
    assert_eq!(column(&connection, kept).await, ["acme_inc acme"]);
    let refused = rename_schema(&connection, &migrations, &globex, &new, &at_once()).await;
    assert!(
        matches!(refused, Err(LifecycleError::Name(NameError::NameRetired { .. }))),
        "{refused:?}"
    );
    // A process that cannot read the catalog may still send requests of the other tenant there.
    let refused = rename_schema(&connection, &migrations, &globex, &new, &at_once().reuse_name()).await;
    assert!(
        matches!(refused, Err(LifecycleError::Name(NameError::NameInUse { .. }))),
        "{refused:?}"
    );
    age_drops(&connection).await;
    rename_schema(&connection, &migrations, &globex, &new, &at_once().reuse_name())
        .await
        .unwrap();
    assert_schemas(&connection, &["acme", "acme_inc"]).await;
    drop_tenant(&connection, &migrations, &acme, &at_once_dropped)
        .await
        .unwrap();
    drop_tenant(&connection, &migrations, &acme, &at_once_dropped)
        .await
        .unwrap();
}

#[tokio::test]
async fn only_a_tenant_that_nobody_uses_is_renamed() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    let (acme, new) = (schema("acme"), schema("acme_inc"));
    let rename = async || rename_schema(&connection, &migrations, &acme, &new, &at_once()).await;
    for status in ["active", "provisioning", "dropping"] {
        db.execute(&format!("UPDATE public.tenants SET status = '{status}'"))
            .await;
        let refused = rename().await;
        assert!(
            matches!(refused, Err(LifecycleError::WrongStatus { .. })),
            "{status}: {refused:?}"
        );
    }
    db.execute("UPDATE public.tenants SET status = 'active'").await;
    set_maintenance(&connection, &acme, true).await.unwrap();

    // A transaction that used the old name may use it again, so renaming is refused.
    let user = connection.begin().await.unwrap();
    user.execute_unprepared("SELECT FROM acme.note").await.unwrap();
    let refused = rename().await.unwrap_err();
    assert!(
        matches!(&refused, LifecycleError::InUse { by, .. } if by.len() == 1),
        "{refused}"
    );
    assert!(refused.to_string().contains("session "), "{refused}");
    user.rollback().await.unwrap();
    assert_schemas(&connection, &["acme"]).await;
    assert_eq!(count(&connection, "SELECT FROM public.dropped_tenants").await, 0);
    rename().await.unwrap();
    assert_schemas(&connection, &["acme_inc"]).await;
}

#[tokio::test]
async fn it_waits_until_no_process_knows_the_tenant_as_one_in_service() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    let (acme, new) = (schema("acme"), schema("acme_inc"));
    suspend_tenant(&connection, &acme).await.unwrap();
    let begun = Instant::now();
    let options = RenameOptions::default().settle(Duration::from_millis(700));
    let renaming = rename_schema(&connection, &migrations, &acme, &new, &options);
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(schemas(&connection).await, ["acme"]);
    };
    let (renamed, ()) = tokio::join!(renaming, meanwhile);
    renamed.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(600));

    // A change to the tenant during the settle time restarts that time, so the rename is refused.
    let renaming = rename_schema(&connection, &migrations, &new, &acme, &options);
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        db.execute("UPDATE public.tenants SET updated_at = now()").await;
    };
    let (refused, ()) = tokio::join!(renaming, meanwhile);
    assert!(
        matches!(refused, Err(LifecycleError::NotSettled { .. })),
        "{refused:?}"
    );
    assert_eq!(schemas(&connection).await, ["acme_inc"]);
    db.execute("UPDATE public.tenants SET updated_at = now() - interval '1 hour'")
        .await;
    let patient = RenameOptions::default().settle(Duration::from_secs(3_000));
    let renaming = rename_schema(&connection, &migrations, &new, &acme, &patient);
    tokio::time::timeout(Duration::from_secs(60), renaming)
        .await
        .expect("it does not wait")
        .unwrap();
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused() {
    let shared = schema("extensions");
    let migrations = with([NOTE]).with_extension_schemas([shared]);
    let (db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    let (login, group) = (format!("{}_login", db.name()), format!("{}_group", db.name()));
    let roles = format!("CREATE ROLE \"{login}\" LOGIN; CREATE ROLE \"{group}\"");
    db.execute(&format!("CREATE SCHEMA other; {roles}")).await;
    let acme = schema("acme");
    suspend_tenant(&connection, &acme).await.unwrap();
    for name in [
        "globex",
        "Globex",
        "OTHER",
        "extensions",
        "public",
        &login,
        &group,
    ] {
        let refused = rename_schema(&connection, &migrations, &acme, &schema(name), &at_once()).await;
        assert!(
            matches!(refused, Err(LifecycleError::Name(NameError::SchemaTaken { .. }))),
            "{name}: {refused:?}"
        );
    }
    db.execute(&format!("DROP ROLE \"{login}\", \"{group}\"; DROP SCHEMA other"))
        .await;
    let refused = rename_schema(&connection, &migrations, &SchemaName::shared(), &acme, &at_once()).await;
    assert!(
        matches!(refused, Err(LifecycleError::PublicTenant { .. })),
        "{refused:?}"
    );
    let refused = rename_schema(
        &connection,
        &migrations,
        &schema("nobody"),
        &schema("x"),
        &at_once(),
    )
    .await;
    assert!(
        matches!(
            refused,
            Err(LifecycleError::Lookup(LookupError::NoSuchTenant { .. }))
        ),
        "{refused:?}"
    );
    assert_schemas(&connection, &["acme", "globex"]).await;
}

/// Two renames that swap names are refused, and do not deadlock: locks are not taken in the order of the arguments.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_renames_the_other_way_at_the_same_time_is_refused() {
    let migrations = with([NOTE]);
    let (_db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    let (acme, globex) = (schema("acme"), schema("globex"));
    for tenant in [&acme, &globex] {
        suspend_tenant(&connection, tenant).await.unwrap();
    }
    let options = at_once();
    for _ in 0..5 {
        let both = async {
            tokio::join!(
                rename_schema(&connection, &migrations, &acme, &globex, &options),
                rename_schema(&connection, &migrations, &globex, &acme, &options),
            )
        };
        let (first, second) = tokio::time::timeout(Duration::from_secs(30), both)
            .await
            .expect("no lock is waited for by both");
        assert!(first.is_err() && second.is_err(), "{first:?} {second:?}");
    }
    assert_schemas(&connection, &["acme", "globex"]).await;
}

#[tokio::test]
async fn a_migration_that_was_planned_with_the_old_name_fails_and_makes_nothing() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    let newer = with([NOTE, TAG]);
    let executor = Executor::connect(db.options(), newer).await.unwrap();
    let plans = [
        executor.plan(&tenant("acme"), Action::UP).await.unwrap(),
        executor.plan(&tenant("acme"), Action::Fresh).await.unwrap(),
    ];
    suspend_tenant(&connection, &schema("acme")).await.unwrap();
    rename_schema(
        &connection,
        &migrations,
        &schema("acme"),
        &schema("acme_inc"),
        &at_once(),
    )
    .await
    .unwrap();
    for plan in plans {
        let report = executor.run(plan, &mut ()).await;
        assert!(!report.is_success(), "{:?}", outcomes(&report));
    }
    executor.close().await.unwrap();
    assert_schemas(&connection, &["acme_inc"]).await;
    assert_eq!(
        tables(&connection, "acme_inc").await,
        ["note", "seaql_migrations"]
    );
}

#[tokio::test]
async fn the_command_line_renames_and_warns() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    db.execute("CREATE FUNCTION public.count_notes() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM \"acme\" . note'")
        .await;
    let rename = ["tenant", "schema", "rename", "acme", "acme_inc", "--settle", "0"];
    let (_, result) = cli(&db, &migrations, &rename).await;
    assert!(
        matches!(
            result,
            Err(CliError::Lifecycle(LifecycleError::WrongStatus { .. }))
        ),
        "{result:?}"
    );
    suspend_tenant(&connection, &schema("acme")).await.unwrap();
    let (out, result) = cli(&db, &migrations, &rename).await;
    result.unwrap();
    assert!(
        out.starts_with("the schema of tenant acme is now called acme_inc\n"),
        "{out}"
    );
    assert!(
        out.contains("warning: function count_notes(): has the old name acme"),
        "{out}"
    );
    assert_schemas(&connection, &["acme_inc"]).await;
}

/// PostgreSQL changes what it has parsed, and no text.
#[tokio::test]
async fn all_texts_with_the_old_name_are_reported() {
    let writes = Sql::new(
        "m2_t2_writes",
        "DO $do$ DECLARE here text := current_schema(); BEGIN
            CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql
                AS 'BEGIN EXECUTE format(''INSERT INTO %I.log VALUES (1)'', TG_ARGV[0]); RETURN new; END';
            CREATE TABLE log (id int, \"t2\" int);
            EXECUTE format('CREATE TRIGGER t BEFORE INSERT ON note FOR EACH ROW EXECUTE FUNCTION f(%L)', here);
            EXECUTE format('CREATE TABLE setting (
                space text DEFAULT %1$L CONSTRAINT here CHECK (space = %1$L), made text GENERATED ALWAYS AS (%1$L || space) STORED)', here);
            EXECUTE format('CREATE VIEW here AS SELECT %L::text AS space', here);
            EXECUTE format('COMMENT ON TABLE log IS %L', 'of ' || here);
            EXECUTE format('CREATE FUNCTION g() RETURNS int LANGUAGE sql AS %L', format('SELECT 1 FROM %I.log', here));
            EXECUTE format('CREATE POLICY p ON log USING (current_schema() = %L)', here);
            INSERT INTO setting DEFAULT VALUES;
        END $do$",
        "",
    );
    let migrations = with([NOTE, writes]);
    let (_db, connection) = with_tenants(&migrations, &["t2"]).await;
    suspend_tenant(&connection, &schema("t2")).await.unwrap();
    let renamed = rename_schema(&connection, &migrations, &schema("t2"), &schema("t3"), &at_once()).await;
    assert_eq!(
        renamed.unwrap().outdated,
        [
            "comment on table log",
            "constraint here setting -",
            "default setting.made",
            "default setting.space",
            "function g()",
            "policy log.p",
            "rule here._RETURN",
            "trigger note t",
            "rows of t3.setting",
        ]
    );
}

#[tokio::test]
async fn a_view_without_data_is_no_obstacle() {
    let view = Sql::new(
        "m2_view",
        "CREATE MATERIALIZED VIEW ids AS SELECT id FROM note WITH NO DATA",
        "",
    );
    let migrations = with([NOTE, view]);
    let (_db, connection) = with_tenants(&migrations, &["acme"]).await;
    suspend_tenant(&connection, &schema("acme")).await.unwrap();
    let renamed = rename_schema(
        &connection,
        &migrations,
        &schema("acme"),
        &schema("globex"),
        &at_once(),
    )
    .await;
    assert!(renamed.unwrap().outdated.is_empty());
}

/// Objects and members of the tenant's role stay with it.
#[tokio::test]
async fn the_role_is_renamed_and_not_made_anew() {
    let migrations = with([NOTE]).with_tenant_roles(TenantRoles::new());
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    let (acme, new) = (schema("acme"), schema("globex"));
    let role = |schema: &str| format!("\"tenant.{}.{schema}\"", db.name());
    let own = format!(
        "CREATE TABLE acme.own (id int); INSERT INTO acme.own VALUES (1); ALTER TABLE acme.own OWNER TO {0};
         CREATE POLICY p ON acme.note TO {0} USING (true); SELECT lo_from_bytea(4711, 'x');
         ALTER LARGE OBJECT 4711 OWNER TO {0}",
        role("acme")
    );
    db.execute(&own).await;
    let oid = async |name: &str| column(&connection, &format!("SELECT '{}'::regrole::oid", role(name))).await;
    let before = oid("acme").await;
    suspend_tenant(&connection, &acme).await.unwrap();
    rename_schema(&connection, &migrations, &acme, &new, &at_once())
        .await
        .unwrap();
    assert_eq!(oid("globex").await, before);
    assert_eq!(column(&connection, "SELECT id FROM globex.own").await, ["1"]);
    assert_eq!(
        column(&connection, "SELECT convert_from(lo_get(4711), 'utf8')").await,
        ["x"]
    );
    assert_eq!(
        count(&connection, "SELECT FROM pg_policy WHERE polname = 'p'").await,
        1
    );

    // A role that is there already may have members of its own.
    db.execute(&format!("CREATE ROLE {}", role("acme"))).await;
    let refused = rename_schema(&connection, &migrations, &new, &acme, &at_once().reuse_name()).await;
    assert!(refused.unwrap_err().to_string().contains("already exists"));
    assert_schemas(&connection, &["globex"]).await;
    let drop = format!(
        "SELECT lo_unlink(4711); DROP SCHEMA globex CASCADE; DROP ROLE {}; DROP OWNED BY {1}; DROP ROLE {1}",
        role("acme"),
        role("globex")
    );
    db.execute(&drop).await;
}

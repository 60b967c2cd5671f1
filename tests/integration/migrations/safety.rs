//! Objects that a migration cannot reach, and actions that are refused.

use tenant_migration::fill_pool;

use super::*;

#[tokio::test]
async fn a_tenants_migration_does_not_see_shared_tables() {
    let drop = Sql::new(
        "m2_drop",
        "DROP TABLE IF EXISTS plan; DROP TABLE IF EXISTS tenants CASCADE",
        "",
    );
    let (db, connection) = with_tenants(&with([NOTE]), &["acme"]).await;
    assert_eq!(
        outcomes(&up(&db, &with([NOTE, drop])).await),
        ["public: -", "acme: applied m2_drop"]
    );
    assert_eq!(
        tables(&connection, "public").await,
        [
            "domains",
            "dropped_tenants",
            "plan",
            "seaql_migrations",
            "tenants"
        ]
    );

    let dropped = Sql::new("m2_drop", "", "");
    let read = Sql::new("m3_read", "SELECT * FROM plan", "");
    let report = act(&db, &with([NOTE, dropped, read]), &tenant("acme"), Action::UP).await;
    assert!(
        outcomes(&report)[0].contains("relation \"plan\" does not exist"),
        "{report:?}"
    );
}

#[tokio::test]
async fn a_tenants_entity_in_a_migration_is_told_where_it_works() {
    let (db, _) = with_tenants(&with([NOTE]), &["acme"]).await;
    let update = Sql::new("m2", "UPDATE \"$tenant\".note SET title = 'x'", "");
    let report = up(&db, &with([NOTE, update])).await;
    let failed = &outcomes(&report)[1];
    assert!(
        failed.contains("\"$tenant.note\" does not exist") && failed.contains("`tenant_transaction`"),
        "{failed}"
    );
}

#[tokio::test]
async fn a_migration_that_goes_elsewhere_does_not_take_the_next_with_it() {
    let leave = Sql::new(
        "m1_leave",
        "SET LOCAL search_path = public; SET search_path = public",
        "",
    );
    let (db, connection) = with_tenants(&with([]), &["acme", "globex"]).await;
    let report = up(&db, &with([leave, TAG])).await;
    assert!(report.is_success(), "{report:?}");
    assert_eq!(tables(&connection, "acme").await, ["seaql_migrations", "tag"]);
    assert_eq!(tables(&connection, "globex").await, ["seaql_migrations", "tag"]);
    assert!(!tables(&connection, "public").await.contains(&"tag".to_owned()));
}

#[tokio::test]
async fn extensions_are_seen_where_configured() {
    let (db, _) = with_tenants(&with([]), &["acme"]).await;
    db.execute("CREATE SCHEMA extensions; CREATE DOMAIN extensions.email AS text")
        .await;
    let account = Sql::new("m1", "CREATE TABLE account (address email)", "");
    assert!(!up(&db, &with([account.clone()])).await.is_success());
    let migrations = with([account]).with_extension_schemas([schema("extensions")]);
    assert_eq!(
        outcomes(&up(&db, &migrations).await),
        ["public: -", "acme: applied m1"]
    );
}

/// A database has an extension once. In the schema of one tenant, all others would be without it.
#[tokio::test]
async fn no_extension_is_made_in_a_tenants_schema() {
    let extension = "CREATE EXTENSION IF NOT EXISTS citext; CREATE TABLE account (address citext)";
    let citext = Sql::new("m2_citext", extension, "");
    let migrations = [
        with([TAG, citext.clone()]),
        with([TAG, citext.clone(), NOTE]),
        with([TAG, citext.clone()]).with_hooks(Nothing),
    ];
    let (db, connection) = with_tenants(&with([TAG]), &["acme", "globex"]).await;
    let extensions = "SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'citext'";
    for migrations in &migrations {
        let lines = outcomes(&up(&db, migrations).await);
        for line in &lines[1..] {
            assert!(
                line.contains("failed: it has the extension citext in its schema")
                    && line.contains("with_extension_schemas"),
                "{line}"
            );
        }
        let error = create_tenant(&connection, migrations, &new("initech"))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("tenant initech: ") && error.contains("the extension citext"),
            "{error}"
        );
        assert_eq!(tables(&connection, "acme").await, ["seaql_migrations", "tag"]);
        assert!(column(&connection, extensions).await.is_empty());
    }
    let error = fill_pool(&connection, &migrations[0], tenant_core::DEFAULT_KIND, 1)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("the extension citext"), "{error}");

    // A schema for extensions, and other schemas that are no tenant's.
    db.execute("CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions")
        .await;
    let elsewhere = Sql::new(
        "m3_hstore",
        "CREATE EXTENSION IF NOT EXISTS hstore SCHEMA public",
        "",
    );
    let migrations = with([TAG, citext, elsewhere]).with_extension_schemas([schema("extensions")]);
    assert!(up(&db, &migrations).await.is_success());
    create_tenant(&connection, &migrations, &new("initech"))
        .await
        .unwrap();
}

/// Hooks that do nothing.
struct Nothing;

impl tenant_migration::TenantHooks for Nothing {}

#[tokio::test]
async fn the_shared_schema_is_not_emptied_while_there_are_tenants() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    let executor = Executor::connect(db.options(), migrations.clone()).await.unwrap();
    for action in [Action::Fresh, Action::Refresh, Action::Reset] {
        let error = executor
            .plan(&Target::Shared, action)
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("while tenant acme exists") && error.contains("-s TENANT"),
            "{error}"
        );
    }
    // The plan was made before the tenant existed.
    db.execute("DELETE FROM tenants").await;
    let plan = executor.plan(&Target::Shared, Action::Fresh).await.unwrap();
    db.execute("INSERT INTO tenants (schema_name, name, status) VALUES ('acme', '', 'active')")
        .await;
    let report = executor.run(plan, &mut ()).await;
    assert_eq!(
        outcomes(&report),
        ["public: failed: tenant acme exists, made meanwhile"]
    );
    // Rolling back the catalog is refused, too.
    db.execute("DROP TABLE acme.note").await;
    let report = act(&db, &migrations, &Target::Shared, Action::Down { steps: 9 }).await;
    assert!(
        outcomes(&report)[0].contains("while tenant acme exists"),
        "{report:?}"
    );
    assert_eq!(
        tables(&connection, "public").await,
        [
            "domains",
            "dropped_tenants",
            "plan",
            "seaql_migrations",
            "tenants"
        ]
    );
    // With tenants, `fresh` of all targets resets the tenants' schemas only.
    let report = act(&db, &migrations, &Target::All, Action::Fresh).await;
    assert_eq!(
        outcomes(&report),
        ["public: -", "acme: dropped everything; applied m1_create_note"]
    );
}

#[tokio::test]
async fn without_tenants_fresh_is_for_the_shared_schema() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &[]).await;
    create_tenant(
        &connection,
        &migrations,
        &NewTenant::new(SchemaName::shared(), "Main"),
    )
    .await
    .unwrap();
    db.execute(
        "CREATE TYPE public.mood AS ENUM ('a'); CREATE VIEW public.v AS SELECT 1 AS x;
         CREATE SEQUENCE public.s; CREATE TABLE public.t (mood public.mood);
         CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE DOMAIN public.d AS text",
    )
    .await;
    let report = act(&db, &migrations, &Target::All, Action::Fresh).await;
    assert!(report.is_success(), "{:?}", outcomes(&report));
    assert_eq!(
        tables(&connection, "public").await,
        [
            "domains",
            "dropped_tenants",
            "plan",
            "seaql_migrations",
            "tenants"
        ]
    );
    let left = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'S')
                UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
                UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
                ORDER BY 1";
    assert_eq!(
        column(&connection, left).await,
        [
            "domains_id_seq",
            "dropped_tenants_id_seq",
            "tenant_catalog_changed",
            "tenants_id_seq"
        ]
    );
    assert_eq!(count(&connection, "SELECT FROM tenants").await, 0);
}

#[tokio::test]
async fn a_schema_that_was_dropped_by_hand_is_said_and_made_anew() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    let executor = Executor::connect(db.options(), migrations.clone()).await.unwrap();
    let plan = executor
        .plan(&tenant("acme"), Action::Up { steps: None })
        .await
        .unwrap();
    db.execute("DROP SCHEMA acme CASCADE").await;
    assert!(
        executor.run(plan, &mut ()).await.is_success(),
        "there was nothing to do"
    );
    let lines = outcomes(&up(&db, &migrations).await);
    assert!(
        lines[1].starts_with("acme: failed: the database has no such schema"),
        "{lines:?}"
    );
    assert!(
        act(&db, &migrations, &tenant("acme"), Action::Fresh)
            .await
            .is_success()
    );
    assert_eq!(tables(&connection, "acme").await, ["note", "seaql_migrations"]);
}

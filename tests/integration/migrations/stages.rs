//! Tenants whose migrations need several transactions: they are created in stages, and are not served before the last.

use sea_orm::Database;
use tenant_core::{
    DEFAULT_KIND, TenantStatus,
    catalog::{SeaOrmStore, TenantStore},
};
use tenant_migration::{
    LifecycleError, Migrating, Pool, SchemaError, Seeding, TenantHooks, TenantRoles, drop_tenant_role,
    fill_pool,
};
use tests::{Direction, Fault, Proxy, Rule};

use super::{crash::wait_until, *};

const INDEX: Sql = Sql::new(
    "m2_index",
    "CREATE INDEX CONCURRENTLY note_plan ON note (plan)",
    "DROP INDEX CONCURRENTLY note_plan",
)
.outside_of_transactions();

/// Records the status that the tenant has meanwhile.
const SEEN: Sql = Sql::new(
    "m3_seen",
    "CREATE TABLE seen AS SELECT status FROM public.tenants WHERE schema_name = current_schema()",
    "DROP TABLE seen",
)
.outside_of_transactions();

/// Leaves the session elsewhere.
const LEAVE: Sql = Sql::new("m2_leave", "SET search_path = public", "");

/// Hooks that record their calls in a table.
struct Records;

#[async_trait::async_trait]
impl TenantHooks for Records {
    async fn before(&self, tenant: Migrating<'_>) -> Result<(), DbErr> {
        let sql = "CREATE TABLE call (name text); INSERT INTO call VALUES ('before')";
        tenant.manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn after(&self, tenant: Migrating<'_>) -> Result<(), DbErr> {
        let sql = "INSERT INTO call VALUES ('after')";
        tenant.manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn seed(&self, tenant: Seeding<'_>) -> Result<(), DbErr> {
        let sql = format!(
            "INSERT INTO call VALUES ('seed {} {}')",
            tenant.name, tenant.metadata
        );
        let db = tenant.manager.get_connection();
        db.execute_unprepared(&sql).await?;
        db.execute_unprepared(
            "CREATE FUNCTION calls() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM call'",
        )
        .await?;
        match tenant.name {
            "FAILS" => Err(DbErr::Custom("not this one".to_owned())),
            _ => Ok(()),
        }
    }
}

/// Returns all tenants, domains, tenants' schemas and roles.
async fn rest(database: &TestDatabase, db: &impl ConnectionTrait) -> Vec<String> {
    let sql = format!(
        "SELECT 'tenant ' || schema_name || ' ' || status FROM public.tenants
        UNION ALL SELECT 'domain ' || domain FROM public.domains
        UNION ALL SELECT 'schema ' || nspname FROM pg_namespace
            WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public')
        UNION ALL SELECT 'role ' || rolname FROM pg_roles
            WHERE rolname LIKE 'tenant.{0}.%' AND rolname <> 'tenant.{0}.public'
        ORDER BY 1",
        database.name()
    );
    column(db, &sql).await
}

#[tokio::test]
async fn a_migration_outside_of_transactions_is_no_obstacle() {
    let migrations = with([NOTE, LEAVE, INDEX, SEEN, TAG])
        .with_hooks(Records)
        .with_tenant_roles(TenantRoles::new());
    let (database, db) = with_tenants(&migrations, &[]).await;
    let new = new("acme").metadata(serde_json::json!({ "seats": 3 }));
    let created = create_tenant(&db, &migrations, &new).await.unwrap();
    let store = SeaOrmStore::new(db.clone());
    let found = store.by_schema(&schema("acme")).await.unwrap().unwrap();
    assert_eq!(created, found);
    assert_eq!(found.status(), TenantStatus::Active);
    assert_eq!(found.version(), Some("m2_create_tag"));
    assert_eq!(*found.metadata(), serde_json::json!({ "seats": 3 }));
    assert_eq!(found.domain(), Some("acme.example.com"));
    assert_eq!(
        column(&db, "SELECT status FROM acme.seen").await,
        ["provisioning"]
    );
    assert_eq!(
        column(&db, "SELECT name FROM acme.call").await,
        ["before", "after", "seed ACME {\"seats\":3}"]
    );
    assert_eq!(column(&db, "SELECT acme.calls()").await, ["3"]);
    let index = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'acme.note_plan'::regclass";
    assert_eq!(column(&db, index).await, ["true"]);
    assert_eq!(ledger(&db, "acme").await.len(), 5);
    assert!(
        column(
            &db,
            "SELECT obj_description('acme.seaql_migrations'::regclass) WHERE false"
        )
        .await
        .is_empty()
    );
    let reads = format!(
        "SELECT has_table_privilege('tenant.{}.acme', 'acme.call', 'SELECT')",
        database.name()
    );
    assert_eq!(column(&db, &reads).await, ["true"]);
    assert_eq!(outcomes(&up(&database, &migrations).await)[1], "acme: -");

    let again = create_tenant(&db, &migrations, &new).await;
    assert!(
        matches!(again, Err(LifecycleError::Name(NameError::SchemaTaken { .. }))),
        "{again:?}"
    );
    let other = NewTenant::new(schema("globex"), "").domain(Host::parse("acme.example.com").unwrap());
    let taken = create_tenant(&db, &migrations, &other).await;
    assert!(
        matches!(taken, Err(LifecycleError::Name(NameError::DomainTaken { .. }))),
        "{taken:?}"
    );
    drop_tenant_role(&db, &schema("acme")).await.unwrap();
}

#[tokio::test]
async fn what_fails_leaves_nothing() {
    let wrong = Sql::new("m4_wrong", "SELECT 1 / 0", "");
    let (database, db) = with_tenants(&with([]), &[]).await;
    for (last, name) in [
        (wrong.clone(), "acme"),
        (wrong.outside_of_transactions(), "acme"),
        (TAG, "fails"),
    ] {
        let migrations = with([NOTE, INDEX, last])
            .with_hooks(Records)
            .with_tenant_roles(TenantRoles::new());
        let error = create_tenant(&db, &migrations, &new(name)).await.unwrap_err();
        let LifecycleError::Schema { source, .. } = &error else {
            panic!("{error:?}");
        };
        assert!(
            matches!(source, SchemaError::Migration { step: Step::Up(name), .. } if &**name == "m4_wrong")
                || matches!(source, SchemaError::Hook { .. }),
            "{error:?}"
        );
        assert_eq!(rest(&database, &db).await, Vec::<String>::new());
    }
    create_tenant(&db, &with([NOTE, INDEX]), &new("acme"))
        .await
        .unwrap();
}

/// A creation that is not waited for is removed.
#[tokio::test]
async fn what_nobody_waits_for_is_removed() {
    let migrations = with([NOTE, INDEX, SEEN]);
    let (database, db) = with_tenants(&migrations, &[]).await;
    let observer = database.connect().await;
    let other = database.connect().await;
    // An older transaction makes the index wait.
    other
        .execute_unprepared("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT")
        .await
        .unwrap();
    let acme = new("acme");
    let creation = create_tenant(&db, &migrations, &acme);
    let begun = async {
        let provisioning = "SELECT FROM tenants WHERE status = 'provisioning'";
        wait_until(async || count(&observer, provisioning).await > 0).await;
    };
    tokio::select! {
        created = creation => panic!("{created:?}"),
        () = begun => {}
    }
    other.execute_unprepared("COMMIT").await.unwrap();
    wait_until(async || rest(&database, &observer).await.is_empty()).await;
    create_tenant(&db, &migrations, &acme).await.unwrap();
}

#[tokio::test]
async fn schemas_are_made_ahead() {
    let migrations = with([NOTE, INDEX, SEEN]).with_tenant_roles(TenantRoles::new());
    let (database, db) = with_tenants(&migrations, &[]).await;
    let pool = fill_pool(&db, &migrations, DEFAULT_KIND, 1).await.unwrap();
    assert_eq!((pool.made, pool.ready), (1, 1));
    assert!(
        !rest(&database, &db)
            .await
            .iter()
            .any(|part| part.starts_with("role"))
    );
    let pending = column(&db, "SELECT id FROM tenants WHERE status = 'pending'").await;
    let created = create_tenant(&db, &migrations, &new("acme")).await.unwrap();
    assert_eq!(created.id().to_string(), pending[0]);
    assert_eq!(tables(&db, "acme").await, ["note", "seaql_migrations", "seen"]);
    drop_tenant_role(&db, &schema("acme")).await.unwrap();

    let names = Sql::new(
        "m4_names",
        "CREATE TABLE here AS SELECT current_schema()::text AS space",
        "",
    );
    let refused = fill_pool(&db, &with([NOTE, INDEX, names]), DEFAULT_KIND, 1).await;
    assert!(
        matches!(
            refused,
            Err(LifecycleError::Schema {
                source: SchemaError::NamesItself { .. },
                ..
            })
        ),
        "{refused:?}"
    );
    let pending = "SELECT FROM pg_namespace WHERE nspname LIKE 'pending%'";
    assert_eq!(count(&db, pending).await, 0);
}

/// A killed call's rest is removed, and another call's work is not.
#[tokio::test]
async fn what_was_left_of_a_pending_schema_is_removed() {
    let migrations = with([NOTE]);
    let (database, db) = with_tenants(&migrations, &[]).await;
    let left = "CREATE SCHEMA pending_1; CREATE TABLE pending_1.note (id int);
        INSERT INTO tenants (schema_name, name, status, metadata) VALUES ('pending_1', '', 'provisioning',
            jsonb_build_object('tenant_migration_provisioning', jsonb_build_object(
                'token', '1', 'schema_oid', 'pending_1'::regnamespace::oid::int8)))";
    db.execute_unprepared(left).await.unwrap();
    let other = database.connect().await;
    let lock = "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('tenant-migration:pending_1', 0))";
    other.execute_unprepared(lock).await.unwrap();
    let fill = async || fill_pool(&db, &migrations, DEFAULT_KIND, 0).await.unwrap();
    let nothing = Pool::default();
    assert_eq!(fill().await, nothing);
    let parts = ["schema pending_1", "tenant pending_1 provisioning"];
    assert_eq!(rest(&database, &db).await, parts);
    other.execute_unprepared("COMMIT").await.unwrap();
    assert_eq!(fill().await, nothing);
    assert_eq!(rest(&database, &db).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_tenant_with_enum_values_of_several_migrations_is_created() {
    /// Inserts a row with the value that a migration added.
    struct Busy;

    #[async_trait::async_trait]
    impl TenantHooks for Busy {
        async fn seed(&self, tenant: Seeding<'_>) -> Result<(), DbErr> {
            let sql = "INSERT INTO note (mood) VALUES ('busy')";
            tenant.manager.get_connection().execute_unprepared(sql).await?;
            Ok(())
        }
    }

    let mood = Sql::new(
        "m2_mood",
        "CREATE TYPE mood AS ENUM ('calm'); ALTER TABLE note ADD mood mood",
        "",
    );
    let busy = Sql::new("m3_busy", "ALTER TYPE mood ADD VALUE 'busy'", "");
    let default = Sql::new("m4_default", "ALTER TABLE note ALTER mood SET DEFAULT 'busy'", "");
    let (_database, db) = with_tenants(&with([]), &[]).await;
    for (name, migrations) in [
        ("by-default", with([NOTE, mood.clone(), busy.clone(), default])),
        ("by-seed", with([NOTE, mood, busy]).with_hooks(Busy)),
    ] {
        let created = create_tenant(&db, &migrations, &new(name)).await.unwrap();
        assert_eq!(created.status(), TenantStatus::Active);
        db.execute_unprepared(&format!("INSERT INTO \"{name}\".note (mood) VALUES ('busy')"))
            .await
            .unwrap();
        fill_pool(&db, &migrations, DEFAULT_KIND, 1).await.unwrap();
        let claimed = format!("{name}-2");
        create_tenant(&db, &migrations, &new(&claimed)).await.unwrap();
        let version =
            format!("SELECT version FROM tenants WHERE schema_name IN ('{name}', '{claimed}') GROUP BY 1");
        assert_eq!(column(&db, &version).await.len(), 1);
    }
}

/// Loses the connection at the n-th message, for each n. The tenant is there and complete, or it is not served and is created
/// by the next call.
async fn lose_at_each_message(rule: impl Fn() -> Rule) {
    let migrations = with([NOTE, INDEX, TAG]).with_tenant_roles(TenantRoles::new());
    let (database, observer) = with_tenants(&migrations, &[]).await;
    let proxy = Proxy::start(database.url()).await;
    let mut found = std::collections::BTreeSet::new();
    for n in 1.. {
        let name = format!("t{n}");
        let mut options = sea_orm::ConnectOptions::new(proxy.url());
        options.max_connections(1).sqlx_logging(false);
        let Ok(lossy) = Database::connect(options).await else {
            panic!("not reached")
        };
        let lost = proxy.add(rule().nth(n));
        let created = create_tenant(&lossy, &migrations, &new(&name)).await;
        let _ = lossy.close().await;
        let open = "SELECT FROM pg_stat_activity WHERE datname = current_database()
            AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND (state <> 'idle' OR xact_start IS NOT NULL)";
        wait_until(async || count(&observer, open).await == 0).await;
        let status = column(
            &observer,
            &format!("SELECT status FROM tenants WHERE schema_name = '{name}'"),
        )
        .await;
        let status = status.first().map_or("", |status| status.as_str());
        found.insert(status.to_owned());
        match &created {
            Ok(_) => assert_eq!(status, "active", "{name}"),
            Err(LifecycleError::CommitUnknown { .. }) => {}
            Err(error) => assert_ne!(status, "active", "{name}: {error}"),
        }
        if status != "active" {
            create_tenant(&observer, &migrations, &new(&name)).await.unwrap();
        }
        assert_eq!(
            tables(&observer, &name).await,
            ["note", "seaql_migrations", "tag"],
            "{name}"
        );
        assert_eq!(ledger(&observer, &name).await.len(), 3, "{name}");
        let row = format!(
            "SELECT concat_ws(' ', status, version, metadata) FROM tenants WHERE schema_name = '{name}'"
        );
        assert_eq!(
            column(&observer, &row).await,
            ["active m2_create_tag {}"],
            "{name}"
        );
        assert_eq!(
            count(
                &observer,
                &format!("SELECT FROM domains WHERE domain = '{name}.example.com'")
            )
            .await,
            1
        );
        if !lost.has_fired() {
            assert!(created.is_ok() && n > 30, "{n}: {created:?}");
            break;
        }
    }
    assert!(found.contains("") && found.contains("active"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_lost_leaves_no_half_of_a_tenant() {
    lose_at_each_message(|| Rule::message(Direction::ToServer, b"QPC", Fault::Cut)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_is_lost_leaves_no_half_of_a_tenant() {
    lose_at_each_message(|| Rule::message(Direction::ToClient, b"Z", Fault::Reset)).await;
}

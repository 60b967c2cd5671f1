//! The pool of pending schemas, which new tenants get.

use sea_orm::{Database, TransactionTrait};
use tenant_core::{
    audit::{Expected, audit},
    catalog::{SeaOrmStore, TenantStore},
};
use tenant_migration::{Pool, TenantRoles, drain_pool, drop_tenant_role, fill_pool};
use tests::{Direction, Fault, Proxy, Rule};

use super::{
    crash::wait_until,
    rich::{assert_same, dump},
    *,
};

const FUNCTION: Sql = Sql::new(
    "m3_create_function",
    "CREATE FUNCTION titles() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM note';
     CREATE VIEW ids AS SELECT id FROM note;
     CREATE TABLE child (note int REFERENCES note, made regclass DEFAULT 'note'::regclass)",
    "DROP TABLE child; DROP VIEW ids; DROP FUNCTION titles",
);

async fn fill(db: &DatabaseConnection, migrations: &Migrations, size: usize) -> Pool {
    fill_pool(db, migrations, tenant_core::DEFAULT_KIND, size)
        .await
        .unwrap()
}

/// Returns the ids of the pending schemas.
async fn pending(db: &impl ConnectionTrait) -> Vec<String> {
    column(db, "SELECT id FROM tenants WHERE status = 'pending' ORDER BY id").await
}

/// Returns the number of pending schemas in PostgreSQL, with or without a row in the tenants' catalog.
async fn schemas(db: &impl ConnectionTrait) -> i64 {
    count(db, "SELECT FROM pg_namespace WHERE nspname LIKE 'pending%'").await
}

#[tokio::test]
async fn a_tenant_gets_a_pending_schema_and_is_as_if_migrations_had_made_it() {
    let migrations = with([NOTE, TAG, FUNCTION]).with_tenant_roles(TenantRoles::new());
    let (database, db) = with_tenants(&migrations, &["by-migrations"]).await;
    let pool = fill(&db, &migrations, 3).await;
    assert_eq!((pool.made, pool.ready, pool.behind), (3, 3, 0));
    let ready = pending(&db).await;
    let store = SeaOrmStore::new(db.clone());
    assert_eq!(store.list().await.unwrap().len(), 1, "nobody sees them");
    let roles = format!(
        "SELECT FROM pg_roles WHERE rolname LIKE 'tenant.{}.pending%'",
        database.name()
    );
    assert_eq!(count(&db, &roles).await, 0);

    for (name, id) in ["acme", "My-Umbrella", "order"].into_iter().zip(&ready) {
        let new = new(name).metadata(serde_json::json!({ "plan": name }));
        let created = create_tenant(&db, &migrations, &new).await.unwrap();
        assert_eq!(created.id().to_string(), *id, "{name}");
        let found = store.by_schema(&schema(name)).await.unwrap().unwrap();
        assert_eq!(found, created, "{name}");
        assert_eq!(found.version(), Some("m3_create_function"));
        assert_eq!(found.metadata()["plan"], name);
        assert_same(
            &dump(&database, name, &["--no-privileges"]),
            &dump(&database, "by-migrations", &["--no-privileges"]),
            name,
        );
        assert_eq!(
            ledger(&db, name).await,
            ["m1_create_note", "m2_create_tag", "m3_create_function"]
        );
        let role = format!(
            "SELECT FROM pg_roles WHERE rolname = 'tenant.{}.{name}'",
            database.name()
        );
        assert_eq!(count(&db, &role).await, 1);
        assert_eq!(column(&db, &format!("SELECT \"{name}\".titles()")).await, ["1"]);
    }
    assert_eq!(schemas(&db).await, 0);
    let nothing = Expected::new(tenant_core::Registry::default());
    let found = audit(&db, &nothing).await.unwrap();
    assert_eq!(found.errors(), 0, "{:?}", found.findings());
    assert_eq!(count(&db, "SELECT FROM dropped_tenants").await, 0);
    // The pool is empty, so migrations create the next tenant's tables.
    create_tenant(&db, &migrations, &new("late")).await.unwrap();
    for name in ["acme", "My-Umbrella", "order", "late", "by-migrations"] {
        drop_tenant_role(&db, &schema(name)).await.unwrap();
    }
}

#[tokio::test]
async fn of_many_who_come_at_once_each_gets_one_of_its_own() {
    let migrations = with([NOTE, TAG]);
    let (database, _) = with_tenants(&migrations, &[]).await;
    let mut options = database.options();
    options.max_connections(8);
    let db = Database::connect(options).await.unwrap();
    fill(&db, &migrations, 5).await;
    let ready = pending(&db).await;
    let names: Vec<_> = (0..12).map(|n| format!("t{n}")).collect();
    let all = names.iter().map(|name| {
        let (db, migrations) = (&db, &migrations);
        async move { create_tenant(db, migrations, &new(name)).await.unwrap() }
    });
    let created = futures_util::future::join_all(all).await;
    let ids: std::collections::BTreeSet<_> = created.iter().map(|tenant| tenant.id().to_string()).collect();
    assert_eq!(ids.len(), 12);
    assert!(ready.iter().all(|id| ids.contains(id)), "{ready:?} {ids:?}");
    assert_eq!(schemas(&db).await, 0);
    for name in &names {
        assert_eq!(tables(&db, name).await, ["note", "seaql_migrations", "tag"]);
    }
    db.close().await.unwrap();
}

#[tokio::test]
async fn what_is_taken_is_refused_and_the_schema_stays_in_the_pool() {
    let migrations = with([NOTE]);
    let (_database, db) = with_tenants(&migrations, &["acme"]).await;
    fill(&db, &migrations, 1).await;
    let ready = pending(&db).await;
    db.execute_unprepared("CREATE SCHEMA \"Found\"").await.unwrap();
    for name in ["acme", "ACME", "found"] {
        let refused = create_tenant(&db, &migrations, &new(name)).await;
        assert!(
            matches!(refused, Err(LifecycleError::Name(NameError::SchemaTaken { .. }))),
            "{name}: {refused:?}"
        );
    }
    let domain = tenant_core::Host::parse("acme.example.com").unwrap();
    let refused = create_tenant(&db, &migrations, &new("other").domain(domain)).await;
    assert!(
        matches!(refused, Err(LifecycleError::Name(NameError::DomainTaken { .. }))),
        "{refused:?}"
    );
    db.execute_unprepared(
        "INSERT INTO dropped_tenants (tenant_id, schema_name, name) VALUES (99, 'retired', 'Gone')",
    )
    .await
    .unwrap();
    let refused = create_tenant(&db, &migrations, &new("retired")).await;
    assert!(
        matches!(refused, Err(LifecycleError::Name(NameError::NameRetired { .. }))),
        "{refused:?}"
    );
    let refused = create_tenant(&db, &migrations, &new("retired").reuse_name()).await;
    assert!(
        matches!(refused, Err(LifecycleError::Name(NameError::NameInUse { .. }))),
        "{refused:?}"
    );
    assert_eq!(pending(&db).await, ready);
    age_drops(&db).await;
    let created = create_tenant(&db, &migrations, &new("retired").reuse_name())
        .await
        .unwrap();
    assert_eq!(created.id().to_string(), ready[0]);
}

#[tokio::test]
async fn a_schema_of_another_version_or_kind_is_nobodys() {
    let old = with([NOTE]).for_kind("large", NOTES_AND_TAGS);
    let (database, db) = with_tenants(&old, &[]).await;
    fill(&db, &old, 2).await;
    let large = create_tenant(&db, &old, &new("large").kind("large"))
        .await
        .unwrap();
    assert!(!pending(&db).await.contains(&large.id().to_string()));

    let newer = with([NOTE, TAG]);
    let pool = fill(&db, &newer, 1).await;
    assert_eq!((pool.made, pool.ready, pool.behind), (1, 1, 2));
    let of_newer = pending(&db).await[2].clone();
    let created = create_tenant(&db, &newer, &new("acme")).await.unwrap();
    assert_eq!(created.id().to_string(), of_newer);
    let by_migrations = create_tenant(&db, &newer, &new("globex")).await.unwrap();
    assert!(!pending(&db).await.contains(&by_migrations.id().to_string()));

    assert!(up(&database, &newer).await.is_success());
    let ready = pending(&db).await;
    assert_eq!(ready.len(), 2);
    // A pending schema whose ledger differs from the catalog's version is not used.
    let spoil = format!(
        "DO $$ DECLARE name text; BEGIN
            SELECT schema_name INTO name FROM tenants WHERE id = {};
            EXECUTE format('DELETE FROM %I.seaql_migrations WHERE version = ''m1_create_note''', name);
        END $$",
        ready[0]
    );
    db.execute_unprepared(&spoil).await.unwrap();
    let created = create_tenant(&db, &newer, &new("initech")).await.unwrap();
    assert_eq!(created.id().to_string(), ready[1]);
    let created = create_tenant(&db, &newer, &new("umbrella")).await.unwrap();
    assert!(!ready.contains(&created.id().to_string()));
    for name in ["acme", "globex", "initech", "umbrella"] {
        assert_eq!(tables(&db, name).await, ["note", "seaql_migrations", "tag"]);
    }
}

#[derive(Clone, Copy)]
struct NotesAndTags;

const NOTES_AND_TAGS: NotesAndTags = NotesAndTags;

#[async_trait::async_trait]
impl sea_orm_migration::MigratorTraitSelf for NotesAndTags {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(NOTE), Box::new(TAG)]
    }
}

/// A creation does not claim a pending schema while a run migrates it.
#[tokio::test]
async fn a_schema_that_a_run_works_on_is_left_to_it() {
    let migrations = with([NOTE]);
    let (database, db) = with_tenants(&migrations, &[]).await;
    fill(&db, &migrations, 1).await;
    let ready = pending(&db).await;
    let name = column(&db, "SELECT schema_name FROM tenants WHERE status = 'pending'").await;
    let other = database.connect().await;
    let holder = other.begin().await.unwrap();
    let lock = format!(
        "SELECT pg_advisory_xact_lock(hashtextextended('tenant-migration:{}', 0))",
        name[0]
    );
    holder.execute_unprepared(&lock).await.unwrap();
    let created = create_tenant(&db, &migrations, &new("acme")).await.unwrap();
    assert_ne!(created.id().to_string(), ready[0]);
    holder.rollback().await.unwrap();
    let created = create_tenant(&db, &migrations, &new("globex")).await.unwrap();
    assert_eq!(created.id().to_string(), ready[0]);
    other.close().await.unwrap();
}

#[tokio::test]
async fn migrations_that_write_the_name_of_their_schema_are_not_run_ahead() {
    let writers = [
        (
            "CREATE TABLE setting (id int, space text); INSERT INTO setting VALUES (1, upper(current_schema()))",
            "a row of ",
        ),
        (
            "DO $$ BEGIN EXECUTE format('CREATE TABLE setting (space text DEFAULT %L)', current_schema()); END $$",
            "the default setting.space",
        ),
        (
            "DO $$ BEGIN EXECUTE format('CREATE FUNCTION f() RETURNS bigint LANGUAGE sql
                AS ''SELECT count(*) FROM %I.note''', current_schema()); END $$",
            "the function f()",
        ),
        (
            "DO $$ BEGIN EXECUTE format('COMMENT ON TABLE note IS %L', 'of ' || current_schema()); END $$",
            "the comment on table note",
        ),
        (
            "DO $$ BEGIN EXECUTE format('CREATE VIEW here AS SELECT %L::text AS space', current_schema()); END $$",
            "the rule here.",
        ),
    ];
    for (sql, expected) in writers {
        let writes = Sql::new("m2_write_name", sql, "");
        let migrations = with([NOTE, writes]);
        let (_database, db) = with_tenants(&migrations, &[]).await;
        let refused = fill_pool(&db, &migrations, tenant_core::DEFAULT_KIND, 1).await;
        match refused {
            Err(LifecycleError::Schema {
                source: SchemaError::NamesItself { object },
                ..
            }) => {
                assert!(object.starts_with(expected), "{object}, not {expected}");
            }
            other => panic!("{sql}: {other:?}"),
        }
        assert_eq!(schemas(&db).await, 0);
        assert!(pending(&db).await.is_empty());
        create_tenant(&db, &migrations, &new("acme")).await.unwrap();
    }
}

#[tokio::test]
async fn a_materialized_view_without_data_is_made_ahead() {
    let view = Sql::new(
        "m2_view",
        "CREATE MATERIALIZED VIEW empty AS SELECT id FROM note WITH NO DATA;
         CREATE MATERIALIZED VIEW filled AS SELECT id FROM note",
        "",
    );
    let migrations = with([NOTE, view]);
    let (_database, db) = with_tenants(&migrations, &[]).await;
    assert_eq!(fill(&db, &migrations, 1).await.ready, 1);
    create_tenant(&db, &migrations, &new("acme")).await.unwrap();
    assert!(pending(&db).await.is_empty());
    assert_eq!(column(&db, "SELECT id FROM acme.filled").await, ["1"]);

    // What a view has is searched, where it has something.
    let names = Sql::new(
        "m3_names",
        "DO $do$ BEGIN EXECUTE format(
            'CREATE MATERIALIZED VIEW here AS SELECT convert_from(decode(%L, ''hex''), ''utf8'') AS space',
            encode(convert_to(current_schema(), 'utf8'), 'hex')); END $do$",
        "",
    );
    let refused = fill_pool(&db, &with([NOTE, names]), tenant_core::DEFAULT_KIND, 1).await;
    match refused {
        Err(LifecycleError::Schema {
            source: SchemaError::NamesItself { object },
            ..
        }) => {
            assert!(object.ends_with(".here"), "{object}");
        }
        other => panic!("{other:?}"),
    }
}

/// A pending schema is renamed later, so a run fails if its migration stores the schema's name.
#[tokio::test]
async fn a_run_does_not_write_the_name_of_a_pending_schema_into_it() {
    let migrations = with([NOTE]);
    let (database, db) = with_tenants(&migrations, &["acme"]).await;
    fill(&db, &migrations, 2).await;
    let writes = Sql::new(
        "m2_write_name",
        "DO $$ BEGIN EXECUTE format('COMMENT ON TABLE note IS %L', 'channel ' || current_schema() || '_events'); END $$",
        "",
    );
    for writes in [writes.clone(), writes.outside_of_transactions()] {
        let report = up(&database, &with([NOTE, writes.clone()])).await;
        let (failed, done): (Vec<_>, Vec<_>) = outcomes(&report)
            .into_iter()
            .partition(|line| line.contains("failed"));
        assert_eq!(failed.len(), 2, "{failed:?}");
        assert!(
            failed[0].starts_with("pending_") && failed[0].contains("has the name of the schema in it"),
            "{failed:?}"
        );
        assert_eq!(done.last().unwrap(), "acme: applied m2_write_name");
        let ready = fill_pool(&db, &with([NOTE, writes]), tenant_core::DEFAULT_KIND, 0)
            .await
            .unwrap();
        assert_eq!((ready.ready, ready.behind), (0, 2));
        db.execute_unprepared("DELETE FROM acme.seaql_migrations WHERE version = 'm2_write_name'")
            .await
            .unwrap();
    }
}

/// If a tenant claims the schema after a run was planned, the run reports the tenant.
#[tokio::test]
async fn a_run_says_who_has_a_schema_that_was_pending() {
    let old = with([NOTE]);
    let (database, db) = with_tenants(&old, &["acme"]).await;
    fill(&db, &old, 1).await;
    let executor = Executor::connect(database.options(), with([NOTE, TAG]))
        .await
        .unwrap();
    let plan = executor.plan(&Target::All, Action::UP).await.unwrap();
    create_tenant(&db, &old, &new("globex")).await.unwrap();
    let report = executor.run(plan, &mut ()).await;
    let outcomes = outcomes(&report);
    assert_eq!(outcomes[1], "acme: applied m2_create_tag");
    let last = outcomes.last().unwrap();
    assert!(
        last.ends_with("failed: a tenant has the schema now, as globex: run again, which migrates that"),
        "{last}"
    );
    executor.close().await.unwrap();
    assert!(up(&database, &with([NOTE, TAG])).await.is_success());
    assert_eq!(tables(&db, "globex").await, ["note", "seaql_migrations", "tag"]);
}

/// A run continues if a tenant claims, and so renames, a schema after the run read its name.
#[tokio::test]
async fn a_schema_that_gets_another_name_does_not_stop_a_run() {
    let migrations = with([NOTE]);
    let (database, db) = with_tenants(&migrations, &["acme"]).await;
    fill(&db, &migrations, 1).await;
    let other = database.connect().await;
    let holder = other.begin().await.unwrap();
    holder
        .execute_unprepared("LOCK TABLE acme.seaql_migrations IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let run = tokio::spawn({
        let options = database.options();
        async move {
            let executor = Executor::connect(options, with([NOTE, TAG])).await.unwrap();
            let statuses = executor.status(&Target::All).await;
            executor.close().await.unwrap();
            statuses
        }
    });
    let waiting = "SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    wait_until(async || count(&db, waiting).await > 0).await;
    create_tenant(&db, &migrations, &new("globex")).await.unwrap();
    holder.rollback().await.unwrap();
    let statuses = run.await.unwrap().unwrap();
    let names: Vec<_> = statuses.iter().map(|status| status.schema.as_str()).collect();
    assert_eq!(names, ["public", "acme", "globex"]);
    other.close().await.unwrap();
}

#[tokio::test]
async fn a_pending_schema_is_no_canary_and_the_last_to_be_migrated() {
    let migrations = with([NOTE]);
    let (database, db) = with_tenants(&migrations, &["zulu"]).await;
    fill(&db, &migrations, 1).await;
    let broken = Sql::new("m2_broken", "SELECT 1 / count(*) FROM note WHERE false", "");
    let executor = Executor::connect(database.options(), with([NOTE, broken]))
        .await
        .unwrap()
        .with_options(tenant_migration::RunOptions::default().canary(tenant_migration::Canary::First(1)));
    let plan = executor.plan(&Target::All, Action::UP).await.unwrap();
    let report = executor.run(plan, &mut ()).await;
    let outcomes = outcomes(&report);
    assert!(outcomes[1].starts_with("zulu: failed"), "{outcomes:?}");
    assert!(
        outcomes[2].starts_with("pending_") && !outcomes[2].contains("failed"),
        "{outcomes:?}"
    );
    executor.close().await.unwrap();
}

#[tokio::test]
async fn a_broken_pending_schema_does_not_keep_the_others_from_being_claimed() {
    let migrations = with([NOTE]);
    let (_database, db) = with_tenants(&migrations, &[]).await;
    fill(&db, &migrations, 2).await;
    let ready = pending(&db).await;
    let spoil = format!(
        "DO $$ BEGIN EXECUTE format('DROP SCHEMA %I CASCADE', (SELECT schema_name FROM tenants WHERE id = {})); END $$",
        ready[0]
    );
    db.execute_unprepared(&spoil).await.unwrap();
    let created = create_tenant(&db, &migrations, &new("acme")).await.unwrap();
    assert_eq!(created.id().to_string(), ready[1]);
}

#[tokio::test]
async fn the_command_line_fills_and_drains() {
    let migrations = with([NOTE, TAG]).with_tenant_roles(TenantRoles::new());
    let (database, db) = with_tenants(&migrations, &[]).await;
    let run = async |words: &[&str]| {
        let (out, result) = cli(&database, &migrations, words).await;
        result.map(|()| out)
    };
    assert_eq!(
        run(&["tenant", "pool", "fill", "--size", "2"]).await.unwrap(),
        "2 made, 2 ready\n"
    );
    assert_eq!(
        run(&["tenant", "pool", "fill", "--size", "2"]).await.unwrap(),
        "0 made, 2 ready\n"
    );
    run(&["tenant", "create", "acme"]).await.unwrap();
    assert_eq!(pending(&db).await.len(), 1);
    // A run over all tenants creates no role for the pending schema.
    assert!(
        up(
            &database,
            &with([NOTE, TAG, FUNCTION]).with_tenant_roles(TenantRoles::new())
        )
        .await
        .is_success()
    );
    let out = run(&["tenant", "pool", "fill", "--size", "1"]).await.unwrap();
    assert!(out.contains("1 made, 1 ready\n1 behind this program"), "{out}");
    let refused = run(&["tenant", "pool", "drain"]).await;
    assert!(
        matches!(refused, Err(CliError::NotConfirmed { .. })),
        "{refused:?}"
    );
    assert_eq!(schemas(&db).await, 2);
    assert_eq!(
        run(&["tenant", "pool", "drain", "--yes"]).await.unwrap(),
        "dropped 2 pending schemas\n"
    );
    assert_eq!(schemas(&db).await, 0);
    assert_eq!(count(&db, "SELECT FROM tenants").await, 1);
    assert_eq!(count(&db, "SELECT FROM dropped_tenants").await, 0);
    let roles = format!(
        "SELECT FROM pg_roles WHERE rolname LIKE 'tenant.{}.pending%'",
        database.name()
    );
    assert_eq!(count(&db, &roles).await, 0);
    assert_eq!(drain_pool(&db, &migrations, None).await.unwrap(), 0);
    drop_tenant_role(&db, &schema("acme")).await.unwrap();
}

/// A claim that loses its connection at any message is done completely or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_whose_connection_is_lost_is_done_or_not() {
    for (direction, kinds) in [
        (Direction::ToServer, &b"QPC"[..]),
        (Direction::ToClient, &b"CZ"[..]),
    ] {
        let migrations = with([NOTE, FUNCTION_OF_NOTES]);
        let (database, db) = with_tenants(&migrations, &[]).await;
        let proxy = Proxy::start(database.url()).await;
        let mut n = 0;
        loop {
            n += 1;
            let before = fill(&db, &migrations, 1).await.ready;
            let mut options = sea_orm::ConnectOptions::new(proxy.url());
            options.max_connections(1).sqlx_logging(false);
            let lossy = Database::connect(options).await.unwrap();
            let lost = proxy.add(Rule::message(direction, kinds, Fault::Reset).nth(n));
            let name = format!("t{n}");
            let created = create_tenant(&lossy, &migrations, &new(&name)).await;
            let open = "SELECT FROM pg_stat_activity WHERE datname = current_database()
                AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'";
            wait_until(async || count(&db, open).await == 0).await;
            let is_there =
                count(&db, &format!("SELECT FROM tenants WHERE schema_name = '{name}'")).await == 1;
            match &created {
                Ok(_) => assert!(is_there, "{name}"),
                Err(LifecycleError::CommitUnknown { .. }) => {}
                Err(error) => assert!(!is_there, "{name}: {error}"),
            }
            assert_eq!(
                pending(&db).await.len(),
                before - usize::from(is_there),
                "{name}: {created:?}"
            );
            assert_eq!(schemas(&db).await, i64::from(!is_there), "{name}: {created:?}");
            if is_there {
                assert_eq!(tables(&db, &name).await, ["note", "seaql_migrations"]);
                let path = format!(
                    "SELECT array_to_string(proconfig, ';') FROM pg_proc WHERE pronamespace = '{name}'::regnamespace"
                );
                assert_eq!(column(&db, &path).await, [format!("search_path={name}, pg_temp")]);
            }
            let _ = lossy.close().await;
            if created.is_ok() && !lost.has_fired() {
                assert!(n > 10, "only {n} messages");
                break;
            }
        }
    }
}

const FUNCTION_OF_NOTES: Sql = Sql::new(
    "m2_create_function",
    "CREATE FUNCTION titles() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM note'",
    "DROP FUNCTION titles",
);

//! Planning, running and reporting migrations.

use sea_orm::{ConnectOptions, Database};

use super::*;

#[tokio::test]
async fn up_on_an_empty_database_makes_the_shared_schema() {
    let db = TestDatabase::create().await;
    let migrations = example_migration::migrations();
    let report = up(&db, &migrations).await;
    assert_eq!(
        outcomes(&report),
        [
            "public: applied m20000101_000001_create_tenants; applied m20000101_000002_create_domains; \
             applied m20000101_000003_add_version; applied m20000101_000004_create_dropped_tenants; \
             applied m20000101_000005_index_pending; applied m20000101_000006_notify_changes; \
             applied m20000101_000007_add_migration_failure; \
          applied m20260101_000001_create_plan"
        ]
    );
    let connection = db.connect().await;
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
    assert_eq!(outcomes(&up(&db, &migrations).await), ["public: -"]);
}

#[tokio::test]
async fn the_catalog_keeps_its_promises() {
    let (_db, db) = with_tenants(&with([]), &["acme"]).await;
    let refused = async |sql: &str| db.execute_unprepared(sql).await.unwrap_err().to_string();
    let twin = refused("INSERT INTO tenants (schema_name, name, status) VALUES ('ACME', '', 'active')").await;
    assert!(twin.contains("tenants_schema_name_key"), "{twin}");
    let status = refused("UPDATE tenants SET status = 'gone'").await;
    assert!(status.contains("tenants_status_check"), "{status}");
    let name = refused("INSERT INTO tenants (schema_name, name, status) VALUES ('a\"b', '', 'active')").await;
    assert!(name.contains("tenants_schema_name_check"), "{name}");
    let upper = refused("UPDATE domains SET domain = 'ACME.example.com'").await;
    assert!(upper.contains("domains_domain_check"), "{upper}");
    let second =
        refused("INSERT INTO domains (tenant_id, domain, is_primary) SELECT id, 'a.com', true FROM tenants")
            .await;
    assert!(second.contains("domains_primary_key"), "{second}");
    db.execute_unprepared("INSERT INTO domains (tenant_id, domain) SELECT id, 'a.com' FROM tenants")
        .await
        .unwrap();
    db.execute_unprepared("DELETE FROM tenants").await.unwrap();
    assert_eq!(count(&db, "SELECT FROM domains").await, 0);
}

/// The tenants' migrations, run by plain `sea-orm-migration`.
struct Plain;

impl MigratorTrait for Plain {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(NOTE), Box::new(TAG)]
    }
}

#[tokio::test]
async fn ledgers_are_those_of_sea_orm_migration() {
    let migrations = Migrations::new(Shared, Plain);
    let (db, _) = with_tenants(&migrations, &["acme"]).await;
    let mut options = ConnectOptions::new(db.url());
    options.set_schema_search_path("acme").max_connections(2);
    let plain = Database::connect(options).await.unwrap();

    assert!(Plain::get_pending_migrations(&plain).await.unwrap().is_empty());
    Plain::down(&plain, Some(1)).await.unwrap();
    assert_eq!(
        outcomes(&up(&db, &migrations).await),
        ["public: -", "acme: applied m2_create_tag"]
    );

    Plain::refresh(&plain).await.unwrap();
    assert_eq!(outcomes(&up(&db, &migrations).await), ["public: -", "acme: -"]);
    let report = act(&db, &migrations, &tenant("acme"), Action::Reset).await;
    assert_eq!(
        outcomes(&report),
        ["acme: rolled back m2_create_tag; rolled back m1_create_note; dropped the ledger"]
    );
    Plain::up(&plain, None).await.unwrap();
    assert_eq!(outcomes(&up(&db, &migrations).await), ["public: -", "acme: -"]);
}

#[tokio::test]
async fn a_tenant_that_fails_does_not_stop_the_others() {
    let (db, connection) = with_tenants(&with([NOTE]), &["acme", "globex", "initech"]).await;
    db.execute("CREATE TABLE globex.tag (id int)").await;
    let more = Sql::new("m3_create_more", "CREATE TABLE more (id int)", "DROP TABLE more");
    // In globex, the second of the two pending migrations fails, after the first one created its table.
    let migrations = with([NOTE, more, TAG]);
    let report = up(&db, &migrations).await;
    assert!(!report.is_success());
    assert_eq!(
        outcomes(&report),
        [
            "public: -",
            "acme: applied m3_create_more; applied m2_create_tag",
            "globex: failed: m2_create_tag could not be applied: relation \"tag\" already exists (42P07)",
            "initech: applied m3_create_more; applied m2_create_tag",
        ]
    );
    assert_eq!(
        tables(&connection, "globex").await,
        ["note", "seaql_migrations", "tag"]
    );
    let failed = report.into_result().unwrap_err().to_string();
    assert!(
        failed.starts_with("1 of 4 schemas not migrated: globex: m2_create_tag"),
        "{failed}"
    );

    db.execute("DROP TABLE globex.tag").await;
    assert_eq!(
        outcomes(&up(&db, &migrations).await),
        [
            "public: -",
            "acme: -",
            "globex: applied m3_create_more; applied m2_create_tag",
            "initech: -"
        ]
    );
}

#[tokio::test]
async fn a_shared_schema_that_fails_stops_the_run() {
    let (db, connection) = with_tenants(&with([NOTE]), &["acme"]).await;
    let shared = Set(vec![Sql::new("m1", "SELECT 1/0", "")]);
    db.execute("DELETE FROM seaql_migrations").await;
    let report = up(&db, &Migrations::new(shared, Set(vec![NOTE, TAG]))).await;
    assert_eq!(
        outcomes(&report),
        [
            "public: failed: m1 could not be applied: division by zero (22012)",
            "acme: NotReached(SharedFailed)"
        ]
    );
    assert_eq!(tables(&connection, "acme").await, ["note", "seaql_migrations"]);
}

#[tokio::test]
async fn what_is_done_to_one_tenant_leaves_the_others_and_the_shared_schema_alone() {
    let migrations = with([NOTE, TAG]);
    let (db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    for schema in ["acme", "globex"] {
        db.execute(&format!("INSERT INTO {schema}.note DEFAULT VALUES"))
            .await;
    }
    let actions = [
        (
            Action::Down { steps: 1 },
            vec!["note", "seaql_migrations"],
            vec!["m1_create_note"],
        ),
        (
            Action::UP,
            vec!["note", "seaql_migrations", "tag"],
            vec!["m1_create_note", "m2_create_tag"],
        ),
        (
            Action::Refresh,
            vec!["note", "seaql_migrations", "tag"],
            vec!["m1_create_note", "m2_create_tag"],
        ),
        (
            Action::Fresh,
            vec!["note", "seaql_migrations", "tag"],
            vec!["m1_create_note", "m2_create_tag"],
        ),
    ];
    for (action, expected, versions) in actions {
        db.execute("CREATE TABLE IF NOT EXISTS acme.by_hand (id int)")
            .await;
        let report = act(&db, &migrations, &tenant("acme"), action).await;
        assert!(report.is_success(), "{action}: {:?}", outcomes(&report));
        if action != Action::Fresh {
            db.execute("DROP TABLE acme.by_hand").await;
        }
        assert_eq!(tables(&connection, "acme").await, expected, "{action}");
        assert_eq!(ledger(&connection, "acme").await, versions, "{action}");
        assert_eq!(count(&connection, "SELECT FROM globex.note").await, 2, "{action}");
        assert_eq!(count(&connection, "SELECT FROM public.plan").await, 1, "{action}");
        assert_eq!(
            count(&connection, "SELECT FROM public.tenants").await,
            2,
            "{action}"
        );
    }
    assert!(
        act(&db, &migrations, &tenant("ACME"), Action::Reset)
            .await
            .is_success()
    );
    assert!(tables(&connection, "acme").await.is_empty());
    assert_eq!(
        tables(&connection, "globex").await,
        ["note", "seaql_migrations", "tag"]
    );
}

#[tokio::test]
async fn a_ledger_that_knows_more_than_the_code_is_an_error() {
    let (db, _) = with_tenants(&with([NOTE, TAG]), &["acme", "globex"]).await;
    let report = act(&db, &with([NOTE]), &Target::All, Action::UP).await;
    let lines = outcomes(&report);
    assert!(
        lines[1].starts_with("acme: failed: its ledger has m2_create_tag"),
        "{lines:?}"
    );
    assert!(
        lines[2].starts_with("globex: failed: its ledger has m2_create_tag"),
        "{lines:?}"
    );
    assert!(
        act(&db, &with([NOTE]), &tenant("acme"), Action::Fresh)
            .await
            .is_success()
    );
}

#[tokio::test]
async fn a_migration_that_panics_fails_like_any_other() {
    let (db, connection) = with_tenants(&with([NOTE]), &["acme", "globex"]).await;
    let todo = Sql::new("m3_todo", "panic", "");
    let lines = outcomes(&up(&db, &with([NOTE, TAG, todo])).await);
    for line in &lines[1..] {
        assert!(
            line.contains("failed: m3_todo could not be applied: it panicked:"),
            "{line}"
        );
    }
    assert_eq!(tables(&connection, "globex").await, ["note", "seaql_migrations"]);
}

#[tokio::test]
async fn many_ledgers_are_read_together() {
    let migrations = with([NOTE]);
    let (db, _) = with_tenants(&migrations, &[]).await;
    db.execute(
        "DO $$ BEGIN FOR i IN 1..600 LOOP
            EXECUTE format('CREATE SCHEMA t%s', i);
            INSERT INTO public.tenants (schema_name, name, status) VALUES ('t' || i, '', 'suspended');
            CONTINUE WHEN i % 3 = 0;
            EXECUTE format('CREATE TABLE t%s.seaql_migrations (version varchar PRIMARY KEY, applied_at bigint)', i);
            CONTINUE WHEN i % 3 = 1;
            EXECUTE format('INSERT INTO t%s.seaql_migrations VALUES (''m1_create_note'', 1)', i);
        END LOOP; END $$",
    )
    .await;
    let executor = Executor::connect(db.options(), migrations).await.unwrap();
    let statuses = executor.status(&Target::All).await.unwrap();
    assert_eq!(statuses.len(), 601);
    assert_eq!(statuses[0].applied.len(), 8);
    for status in &statuses[1..] {
        let number: u32 = status.schema.as_str()[1..].parse().unwrap();
        assert_eq!(status.has_ledger, !number.is_multiple_of(3), "{status:?}");
        assert_eq!(status.applied.len(), usize::from(number % 3 == 2), "{status:?}");
        assert_eq!(status.pending.len(), usize::from(number % 3 != 2), "{status:?}");
    }
}

/// A value of an enum cannot be used before the transaction that added it is committed.
const MOOD: [Sql; 4] = [
    Sql::new(
        "m2_mood",
        "CREATE TYPE mood AS ENUM ('calm'); ALTER TABLE note ADD mood mood",
        "",
    ),
    Sql::new("m3_busy", "ALTER TYPE mood ADD VALUE 'busy'", ""),
    Sql::new(
        "m4_default",
        "ALTER TABLE note ALTER mood SET DEFAULT 'busy'; INSERT INTO note DEFAULT VALUES",
        "",
    ),
    Sql::new("m5_more", "CREATE TABLE more ()", ""),
];

/// The example of the crate's front page does the same: after `?`, there is nothing left that must be used.
#[tokio::test]
#[deny(unused_must_use)]
async fn the_result_of_a_report_may_be_left() -> Result<(), Box<dyn std::error::Error>> {
    let (db, _connection) = with_tenants(&with([NOTE]), &["acme"]).await;
    up(&db, &with([NOTE, TAG])).await.into_result()?;
    Ok(())
}

#[tokio::test]
async fn a_migration_uses_an_enum_value_of_the_one_before() {
    let [mood, busy, default, more] = MOOD;
    let (db, connection) = with_tenants(&with([NOTE]), &["acme", "globex"]).await;
    assert!(up(&db, &with([NOTE, mood.clone()])).await.is_success());
    let all = [NOTE, mood, busy, default, more];
    let calls = Calls::default();
    let report = up(&db, &with(all).with_hooks(calls.clone())).await;
    let applied = "applied m3_busy; applied m4_default; applied m5_more";
    assert_eq!(
        outcomes(&report),
        [
            "public: -".to_owned(),
            format!("acme: {applied}"),
            format!("globex: {applied}")
        ]
    );
    for name in ["acme", "globex"] {
        assert_eq!(ledger(&connection, name).await.len(), 5, "{name}");
        let moods = format!("SELECT mood FROM {name}.note WHERE mood IS NOT NULL");
        assert_eq!(column(&connection, &moods).await, ["busy"], "{name}");
        let version = format!("SELECT version FROM tenants WHERE schema_name = '{name}'");
        assert_eq!(column(&connection, &version).await, ["m5_more"], "{name}");
    }
    // `after` is called once for each tenant. `before` was called in the transaction that was rolled back, too.
    assert_eq!(calls.after.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_migration_that_uses_its_own_enum_value_fails() {
    let [mood, busy, ..] = MOOD;
    let own = Sql::new(
        "m4_own",
        "ALTER TYPE mood ADD VALUE 'own'; ALTER TABLE note ALTER mood SET DEFAULT 'own'",
        "",
    );
    let (db, connection) = with_tenants(&with([NOTE, mood.clone()]), &["acme"]).await;
    let report = up(&db, &with([NOTE, mood, busy, own])).await;
    let line = &outcomes(&report)[1];
    assert!(
        line.starts_with("acme: applied m3_busyfailed: m4_own could not be applied: unsafe use"),
        "{line}"
    );
    assert_eq!(
        ledger(&connection, "acme").await,
        ["m1_create_note", "m2_mood", "m3_busy"]
    );
}

/// Hooks that count their calls.
#[derive(Clone, Default)]
struct Calls {
    after: std::sync::Arc<std::sync::atomic::AtomicU32>,
}

#[async_trait::async_trait]
impl tenant_migration::TenantHooks for Calls {
    async fn after(&self, _: tenant_migration::Migrating<'_>) -> Result<(), DbErr> {
        self.after.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(())
    }
}

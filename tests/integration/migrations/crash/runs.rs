//! Runs with a connection that is lost, at each message.

use sea_orm::ConnectOptions;
use tests::{Direction, Fault, Proxy, Rule};

use super::*;

const INDEX: Sql = Sql::new(
    "m2_index",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS note_plan ON note (plan)",
    "",
)
.outside_of_transactions();
const LAST: Sql = Sql::new("m3_create_tag", "CREATE TABLE tag (id int)", "");

/// Migrates a tenant. True if connecting, planning and running succeeded.
async fn run(url: &str, migrations: &Migrations, schema: &str) -> bool {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false);
    let Ok(executor) = Executor::connect(options, migrations.clone()).await else {
        return false;
    };
    let Ok(plan) = executor.plan(&tenant(schema), Action::UP).await else {
        return false;
    };
    let report = executor.run(plan, &mut ()).await;
    let _ = executor.close().await;
    report.is_success()
}

/// Returns the state of a schema: the records of migrations, and the objects that they created.
async fn state(db: &DatabaseConnection, schema: &str) -> Vec<String> {
    let sql = format!(
        "SELECT 'table ' || tablename FROM pg_tables WHERE schemaname = '{schema}'
         UNION ALL SELECT 'index ' || CASE WHEN indisvalid THEN '' ELSE 'not ' END || 'valid' FROM pg_index
             WHERE indexrelid = to_regclass('{schema}.note_plan')
         UNION ALL SELECT 'begun' FROM pg_description
             WHERE objoid = to_regclass('{schema}.seaql_migrations') AND description LIKE 'tenant-migration:%'
         UNION ALL SELECT 'version ' || version FROM tenants
             WHERE schema_name = '{schema}' AND version IS NOT NULL
         ORDER BY 1"
    );
    let mut state = column(db, &sql).await;
    if state.contains(&"table seaql_migrations".to_owned()) {
        state.extend(ledger(db, schema).await);
    }
    state
}

/// Possible states after an interrupted run, in order. In the third state, the migration outside of transactions is dirty.
const STATES: [&[&str]; 5] = [
    &[],
    &[
        "table note",
        "table seaql_migrations",
        "version m1_create_note",
        "m1_create_note",
    ],
    &[
        "begun",
        "table note",
        "table seaql_migrations",
        "version m1_create_note",
        "m1_create_note",
    ],
    &[
        "index valid",
        "table note",
        "table seaql_migrations",
        "version m2_index",
        "m1_create_note",
        "m2_index",
    ],
    &[
        "index valid",
        "table note",
        "table seaql_migrations",
        "table tag",
        "version m3_create_tag",
        "m1_create_note",
        "m2_index",
        "m3_create_tag",
    ],
];

async fn lose_at_each_message(rule: impl Fn() -> Rule) {
    let migrations = with([NOTE, INDEX, LAST]);
    let (db, _) = with_tenants(&migrations, &[]).await;
    let (observer, proxy) = (observe(&db).await, Proxy::start(db.url()).await);
    let mut found = [0; STATES.len()];
    for n in 1.. {
        let name = format!("t{n}");
        let sql = format!(
            "CREATE SCHEMA {name}; INSERT INTO tenants (schema_name, name, status) VALUES ('{name}', '', 'active')"
        );
        observer.execute_unprepared(&sql).await.unwrap();
        let lost = proxy.add(rule().nth(n));
        let succeeded = run(proxy.url(), &migrations, &name).await;
        wait_for_sessions_to_end(&observer).await;
        let mut left = state(&observer, &name).await;
        // While the schema is dirty, the index may be missing, invalid or valid.
        if left.contains(&"begun".to_owned()) {
            left.retain(|part| !part.starts_with("index"));
        }
        let came_to = STATES.iter().position(|state| left == *state);
        let came_to = came_to.unwrap_or_else(|| panic!("{name}: {left:?}"));
        assert!(!succeeded || came_to + 1 == STATES.len(), "{name}: {left:?}");
        found[came_to] += 1;
        assert!(run(db.url(), &migrations, &name).await, "{name}");
        assert_eq!(state(&observer, &name).await, STATES[STATES.len() - 1], "{name}");
        assert_eq!(
            count(&observer, &format!("SELECT FROM {name}.note")).await,
            1,
            "{name}"
        );
        if !lost.has_fired() {
            break;
        }
    }
    assert!(found.iter().all(|count| *count > 0), "{found:?}");
}

#[tokio::test]
async fn a_run_whose_request_is_lost_is_continued_by_the_next_one() {
    lose_at_each_message(|| Rule::any(Direction::ToServer, Fault::Cut)).await;
}

#[tokio::test]
async fn a_run_whose_reply_is_lost_is_continued_by_the_next_one() {
    // CommandComplete and ReadyForQuery.
    lose_at_each_message(|| Rule::message(Direction::ToClient, b"CZ", Fault::Reset)).await;
}

/// Migration whose session is ended while it does other work, and which then goes on.
struct LosesItsSession(String);

impl MigrationName for LosesItsSession {
    fn name(&self) -> &str {
        "m2_loses_its_session"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out")]
#[async_trait::async_trait]
impl MigrationTrait for LosesItsSession {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let session = "CREATE TABLE IF NOT EXISTS session AS SELECT pg_backend_pid() AS pid";
        manager.get_connection().execute_unprepared(session).await?;
        let other = sea_orm::Database::connect(&self.0).await?;
        let end = "SELECT pg_terminate_backend(pid, 5000) FROM acme.session";
        other.execute_unprepared(end).await?;
        other.close().await?;
        let sql = "CREATE TABLE IF NOT EXISTS late ()";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

struct Loses(String);

#[async_trait::async_trait]
impl sea_orm_migration::MigratorTraitSelf for Loses {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(NOTE), Box::new(LosesItsSession(self.0.clone()))]
    }
}

#[tokio::test]
async fn a_migration_whose_session_was_lost_with_the_lock_is_not_recorded() {
    let (db, connection) = with_tenants(&with([NOTE]), &["acme"]).await;
    let migrations = Migrations::new(Shared, Loses(db.url().to_owned()));
    assert_eq!(
        outcomes(&up(&db, &migrations).await)[1],
        "acme: failed: the session was lost while m2_loses_its_session ran, and the tenant's lock with it: run again, \
         which does it again"
    );
    assert_eq!(ledger(&connection, "acme").await, ["m1_create_note"]);
    // It did not go on in another session, without the lock.
    assert_eq!(
        tables(&connection, "acme").await,
        ["note", "seaql_migrations", "session"]
    );
    // The session of the first run no longer exists, so this run ends none.
    assert_eq!(
        outcomes(&up(&db, &migrations).await)[1],
        "acme: applied m2_loses_its_session"
    );
}

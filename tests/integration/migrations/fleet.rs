//! The scheduler: many tenants, jobs, canaries, failures, lock timeouts and retries.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use sea_orm::TransactionTrait as _;
use tenant_migration::{Canary, Observer, RunOptions, SchemaPlan, SchemaReport};

use super::*;

/// Creates a database with this number of tenants, each with a schema and a ledger, in one statement.
async fn with_many_tenants(count: u32) -> (TestDatabase, DatabaseConnection) {
    let (db, connection) = with_tenants(&with([]), &[]).await;
    db.execute(&format!(
        "DO $$ BEGIN FOR i IN 1..{count} LOOP
            EXECUTE format('CREATE SCHEMA t%s', i);
            EXECUTE format('INSERT INTO public.tenants (schema_name, name, status) VALUES (''t%s'', ''t'', ''active'')', i);
        END LOOP; END $$"
    ))
    .await;
    (db, connection)
}

async fn run_with(
    db: &TestDatabase,
    migrations: &Migrations,
    options: RunOptions,
    observer: &mut dyn Observer,
) -> Report {
    let executor = Executor::connect(db.options(), migrations.clone()).await.unwrap();
    let executor = executor.with_options(options);
    let plan = executor.plan(&Target::All, Action::UP).await.unwrap();
    let report = executor.run(plan, observer).await;
    executor.close().await.unwrap();
    report
}

const SMALL: Sql = Sql::new("m1_small", "CREATE TABLE small (id int)", "DROP TABLE small");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_poisoned_tenants_of_two_hundred_fail_and_the_second_run_does_only_these() {
    let (db, connection) = with_many_tenants(200).await;
    let poisoned = ["t7", "t77", "t177"];
    for schema in poisoned {
        db.execute(&format!("CREATE TABLE {schema}.small (a text)")).await;
    }
    let migrations = with([SMALL]);
    let report = run_with(&db, &migrations, RunOptions::default(), &mut ()).await;
    let failed: BTreeSet<_> = report
        .schemas
        .iter()
        .filter(|schema| !schema.is_success())
        .map(|schema| schema.schema.to_string())
        .collect();
    assert_eq!(failed, poisoned.map(str::to_owned).into());
    let done = report
        .schemas
        .iter()
        .filter(|schema| matches!(schema.outcome, Outcome::Done(_)));
    assert_eq!(done.count(), 197);
    let names: Vec<_> = report
        .schemas
        .iter()
        .map(|schema| schema.schema.to_string())
        .collect();
    assert!(names[1..].is_sorted(), "in the order of the plan: {names:?}");

    for schema in poisoned {
        db.execute(&format!("DROP TABLE {schema}.small")).await;
    }
    let mut seen = Seen::default();
    let report = run_with(&db, &migrations, RunOptions::default(), &mut seen).await;
    assert!(report.is_success());
    assert_eq!(seen.done, poisoned.map(str::to_owned).into());
    let tables = "SELECT FROM pg_tables WHERE tablename = 'small'";
    assert_eq!(count(&connection, tables).await, 200);
}

/// Observer that records its events.
#[derive(Default)]
struct Seen {
    running: BTreeSet<String>,
    most_running: usize,
    done: BTreeSet<String>,
}

impl Observer for Seen {
    fn started(&mut self, schema: &SchemaPlan) {
        self.running.insert(schema.schema().to_string());
        self.most_running = self.most_running.max(self.running.len());
    }

    fn finished(&mut self, schema: &SchemaReport) {
        assert!(
            self.running.remove(schema.schema.as_str()),
            "finished before it started"
        );
        if matches!(schema.outcome, Outcome::Done(_)) {
            self.done.insert(schema.schema.to_string());
        }
    }
}

/// An executor that runs no plan keeps one connection.
#[tokio::test]
async fn all_connections_but_one_are_closed_after_the_plan_and_after_the_run() {
    let (db, connection) = with_many_tenants(140).await;
    assert!(up(&db, &with([SMALL])).await.is_success());
    // The server may take a moment to end a session.
    let sessions = async |expected: i64| {
        let theirs = "SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'executor'";
        let mut found = count(&connection, theirs).await;
        for _ in 0..500 {
            if found == expected {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            found = count(&connection, theirs).await;
        }
        assert_eq!(found, expected);
    };
    let label = Sql::new("m2_label", "ALTER TABLE small ADD COLUMN label text", "");
    let mut options = db.options();
    options.map_sqlx_postgres_opts(|options| options.application_name("executor"));
    let executor = Executor::connect(options, with([SMALL, label])).await.unwrap();
    assert_eq!(executor.status(&Target::All).await.unwrap().len(), 141);
    sessions(1).await;
    let plan = executor.plan(&Target::All, Action::UP).await.unwrap();
    sessions(1).await;
    assert!(executor.run(plan, &mut ()).await.is_success());
    sessions(1).await;
    executor.close().await.unwrap();
    sessions(0).await;
}

#[tokio::test]
async fn a_user_with_one_connection_reads_and_migrates_with_it() {
    let (db, connection) = with_many_tenants(140).await;
    assert!(up(&db, &with([SMALL])).await.is_success());
    let user = format!("one.{}", db.name());
    db.execute(&format!(
        "CREATE ROLE \"{user}\" LOGIN CONNECTION LIMIT 1; GRANT ALL ON ALL TABLES IN SCHEMA public TO \"{user}\";
         DO $$ BEGIN FOR i IN 1..140 LOOP
            EXECUTE format('ALTER SCHEMA t%s OWNER TO \"{user}\"', i);
            EXECUTE format('ALTER TABLE t%s.seaql_migrations OWNER TO \"{user}\"', i);
            EXECUTE format('ALTER TABLE t%s.small OWNER TO \"{user}\"', i);
        END LOOP; END $$"
    ))
    .await;
    let label = Sql::new("m2_label", "ALTER TABLE small ADD COLUMN label text", "");
    let options = roles::as_user(&db, &user);
    let executor = Executor::connect(options, with([SMALL, label])).await.unwrap();
    let plan = executor.plan(&Target::AllTenants, Action::UP).await.unwrap();
    let report = executor.run(plan, &mut ()).await;
    assert!(report.is_success(), "{:?}", outcomes(&report));
    executor.close().await.unwrap();
    let labels =
        "SELECT FROM information_schema.columns WHERE table_name = 'small' AND column_name = 'label'";
    assert_eq!(count(&connection, labels).await, 140);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_tenants_are_worked_on_at_once_as_there_are_jobs() {
    for jobs in [1, 3] {
        let (db, connection) = with_many_tenants(9).await;
        // The migration itself counts the sessions that run it.
        let work = "CREATE TABLE small AS SELECT count(*) AS at_once FROM pg_stat_activity
            WHERE datname = current_database() AND state = 'active' AND query LIKE 'CREATE TABLE small%';
            SELECT pg_sleep(0.1)";
        let migrations = with([Sql::new("m1_small", work, "")]);
        let mut seen = Seen::default();
        let report = run_with(&db, &migrations, RunOptions::default().jobs(jobs), &mut seen).await;
        assert!(report.is_success(), "{report:?}");
        assert_eq!(seen.most_running, jobs);
        let counts = (1..=9).map(|tenant| format!("SELECT at_once FROM t{tenant}.small"));
        let counts = counts.collect::<Vec<_>>().join(" UNION ALL ");
        let most = column(
            &connection,
            &format!("SELECT max(at_once) FROM ({counts}) AS counts"),
        )
        .await;
        let most: usize = most[0].parse().unwrap();
        assert_eq!(most > 1, jobs > 1, "{most} at once with {jobs} jobs");
        assert!(most <= jobs);
    }
}

#[tokio::test]
async fn the_others_are_not_begun_if_a_canary_fails() {
    let (db, connection) = with_many_tenants(5).await;
    db.execute("CREATE TABLE t4.small ()").await;
    let migrations = with([SMALL]);
    let canary = Canary::Tenants(vec![schema("t2"), schema("t4")]);
    let report = run_with(&db, &migrations, RunOptions::default().canary(canary), &mut ()).await;
    assert_eq!(
        outcomes(&report),
        [
            "public: -",
            "t1: NotReached(CanaryFailed)",
            "t2: applied m1_small",
            "t3: NotReached(CanaryFailed)",
            "t4: failed: m1_small could not be applied: relation \"small\" already exists (42P07)",
            "t5: NotReached(CanaryFailed)",
        ]
    );
    assert!(tables(&connection, "t1").await.is_empty());

    // The first two tenants with pending migrations are t1 and t3.
    db.execute("DROP TABLE t4.small; CREATE TABLE t3.small ()").await;
    let options = RunOptions::default().canary(Canary::First(2));
    let report = run_with(&db, &migrations, options.clone(), &mut ()).await;
    assert_eq!(
        outcomes(&report)[1..],
        [
            "t1: applied m1_small",
            "t2: -",
            "t3: failed: m1_small could not be applied: relation \"small\" already exists (42P07)",
            "t4: NotReached(CanaryFailed)",
            "t5: NotReached(CanaryFailed)",
        ]
    );
    db.execute("DROP TABLE t3.small").await;
    let report = run_with(&db, &migrations, options, &mut ()).await;
    assert!(report.is_success(), "{report:?}");
}

#[tokio::test]
async fn a_run_stops_when_too_many_failed() {
    let (db, _connection) = with_many_tenants(30).await;
    let migrations = with([Sql::new("m1_wrong", "SELECT 1/0", "")]);
    let options = RunOptions::default().jobs(2).max_failures(3);
    let report = run_with(&db, &migrations, options, &mut ()).await;
    let outcomes = outcomes(&report);
    let failed = outcomes.iter().filter(|line| line.contains("division")).count();
    let left = outcomes
        .iter()
        .filter(|line| line.ends_with("NotReached(TooManyFailures)"));
    // Tenants that were in progress when the third one failed are completed.
    assert!((3..=4).contains(&failed), "{failed}");
    assert_eq!(left.count(), 30 - failed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_is_not_to_be_had_is_waited_for_in_short_and_asked_for_again() {
    let (db, connection) = with_many_tenants(2).await;
    assert!(up(&db, &with([SMALL])).await.is_success());
    let migrations = with([
        SMALL,
        Sql::new("m2_column", "ALTER TABLE small ADD name text", ""),
    ]);
    let reader = connection.begin().await.unwrap();
    reader.execute_unprepared("SELECT FROM t1.small").await.unwrap();

    let once = RunOptions::default()
        .lock_timeout(Duration::from_millis(50))
        .attempts(1);
    let report = run_with(&db, &migrations, once.clone(), &mut ()).await;
    assert_eq!(
        outcomes(&report)[1..],
        [
            "t1: failed: m2_column could not be applied: canceling statement due to lock timeout (55P03)",
            "t2: applied m2_column",
        ]
    );
    let release = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        reader.commit().await.unwrap();
    };
    let mut nobody = ();
    let again = run_with(&db, &migrations, once.attempts(50), &mut nobody);
    let (report, ()) = tokio::join!(again, release);
    assert_eq!(outcomes(&report)[1..], ["t1: applied m2_column", "t2: -"]);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_fails() {
    let (db, _connection) = with_many_tenants(1).await;
    let migrations = with([Sql::new("m1_slow", "SELECT pg_sleep(60)", "")]);
    let options = RunOptions::default().statement_timeout(Duration::from_millis(50));
    let begun = Instant::now();
    let report = run_with(&db, &migrations, options, &mut ()).await;
    assert_eq!(
        outcomes(&report)[1..],
        ["t1: failed: m1_slow could not be applied: canceling statement due to statement timeout (57014)"]
    );
    // The run did not wait until the statement ended.
    assert!(begun.elapsed() < Duration::from_secs(50));
}

#[tokio::test]
async fn a_deadlock_is_tried_again() {
    let (db, connection) = with_many_tenants(2).await;
    db.execute("CREATE TABLE public.a (); CREATE TABLE public.b ()")
        .await;
    // The two tenants take the locks in opposite order.
    let crossed = "DO $$ BEGIN
        IF current_schema() = 't1' THEN LOCK public.a; PERFORM pg_sleep(0.3); LOCK public.b;
        ELSE LOCK public.b; PERFORM pg_sleep(0.3); LOCK public.a; END IF;
        CREATE TABLE small (); END $$";
    let migrations = with([Sql::new("m1_crossed", crossed, "")]);
    let options = RunOptions::default().lock_timeout(Duration::from_secs(20));
    let report = run_with(&db, &migrations, options, &mut ()).await;
    assert!(report.is_success(), "{:?}", outcomes(&report));
    let tables = "SELECT FROM pg_tables WHERE tablename = 'small'";
    assert_eq!(count(&connection, tables).await, 2);
}

/// `IF NOT EXISTS` does not keep two transactions from creating the same object.
#[tokio::test]
async fn tenants_that_create_the_same_extension_at_once_are_all_migrated() {
    let (db, connection) = with_many_tenants(12).await;
    let citext =
        "CREATE EXTENSION IF NOT EXISTS citext SCHEMA public; SELECT pg_sleep(0.1); CREATE TABLE small ()";
    let migrations = with([Sql::new("m1_citext", citext, "")]);
    let report = up(&db, &migrations).await;
    assert!(report.is_success(), "{:?}", outcomes(&report));
    let tables = "SELECT FROM pg_tables WHERE tablename = 'small'";
    assert_eq!(count(&connection, tables).await, 12);
}

#[tokio::test]
async fn a_migration_outside_of_a_transaction_that_was_interrupted_is_known_and_done_again() {
    let index = Sql::new(
        "m2_index",
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS note_plan ON note (plan)",
        "DROP INDEX CONCURRENTLY note_plan",
    );
    let (db, connection) = with_tenants(&with([NOTE]), &["acme", "globex"]).await;
    // Two rows with the same plan: creating the unique index fails, and leaves an invalid index.
    db.execute("INSERT INTO acme.note DEFAULT VALUES").await;
    let migrations = with([NOTE, index.outside_of_transactions(), TAG]);
    let report = up(&db, &migrations).await;
    let outcomes = outcomes(&report);
    assert!(
        outcomes[1].contains("could not create unique index"),
        "{outcomes:?}"
    );
    assert!(
        outcomes[2].contains("applied m2_index; applied m2_create_tag"),
        "{outcomes:?}"
    );
    let invalid = "SELECT FROM pg_index WHERE NOT indisvalid AND indrelid = 'acme.note'::regclass";
    assert_eq!(count(&connection, invalid).await, 1);

    let executor = Executor::connect(db.options(), migrations.clone()).await.unwrap();
    let status = executor.status(&tenant("acme")).await.unwrap();
    assert_eq!(status[0].unfinished, Some(Step::Up("m2_index".into())));
    let plan = executor
        .plan(&tenant("acme"), Action::Down { steps: 1 })
        .await
        .unwrap();
    assert_eq!(
        super::outcomes(&executor.run(plan, &mut ()).await),
        [
            "acme: failed: applying m2_index was begun and did not end, so it may be done in part: `up` first, which \
          does it again"
        ]
    );

    db.execute("DELETE FROM acme.note WHERE id = 2").await;
    let report = up(&db, &migrations).await;
    assert!(report.is_success(), "{:?}", super::outcomes(&report));
    assert_eq!(count(&connection, invalid).await, 0);
    let valid = "SELECT FROM pg_indexes WHERE indexname = 'note_plan'";
    assert_eq!(count(&connection, valid).await, 2);
    let status = executor.status(&tenant("acme")).await.unwrap();
    assert_eq!(status[0].unfinished, None);
    executor.close().await.unwrap();
}

/// Migration that reads rows of a tenant's type with a prepared statement.
struct ReadMoods;

impl MigrationName for ReadMoods {
    fn name(&self) -> &str {
        "m2_read_moods"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out")]
#[async_trait::async_trait]
impl MigrationTrait for ReadMoods {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let read = Statement::from_string(DatabaseBackend::Postgres, "SELECT * FROM moods");
        manager.get_connection().query_all_raw(read).await?;
        Ok(())
    }
}

struct Moods;

impl MigratorTrait for Moods {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let moods = "CREATE TYPE mood AS ENUM ('happy'); CREATE TABLE moods (mood mood)";
        vec![
            Box::new(Sql::new("m1_moods", moods, "DROP TABLE moods; DROP TYPE mood")),
            Box::new(ReadMoods),
        ]
    }
}

#[tokio::test]
async fn a_statement_prepared_in_one_tenant_is_prepared_anew_in_the_next() {
    let (db, _connection) = with_many_tenants(3).await;
    let migrations = Migrations::new(Shared, Moods);
    let one_session = RunOptions::default().jobs(1);
    let report = run_with(&db, &migrations, one_session, &mut ()).await;
    assert!(report.is_success(), "{report:?}");
}

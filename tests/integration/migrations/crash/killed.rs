//! Processes of a migration crate that are killed, or run at the same time.

use std::{
    collections::BTreeSet,
    io::Read as _,
    ops::Range,
    process::{Child, Command, ExitStatus, Stdio},
};

use super::*;

/// Migrations of every tenant. A tenant of kind `indexed` also has [`INDEX`].
const MIGRATIONS: [&str; 3] = ["m1_one", "m2_two", "m4_four"];
const INDEX: &str = "m3_index";

/// A process that migrates. Dropping this value kills it.
struct Runner(Child);

impl Runner {
    fn start(db: &TestDatabase) -> Self {
        Self::start_with(db, &["up"])
    }

    fn start_with(db: &TestDatabase, words: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_migrate_fixture"))
            .args(["-u", db.url()])
            .args(words)
            .env_remove("DATABASE_SCHEMA")
            .env("RUST_LOG", "error")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Returns the exit status if the process has ended.
    fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits until the process ends, and checks that it succeeded.
    async fn succeed(mut self) {
        // Timeout: 2 minutes, since many tests run at the same time.
        for _ in 0..24_000 {
            if let Some(status) = self.ended() {
                return self.assert_success(status);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it does not end");
    }

    fn assert_success(&mut self, status: ExitStatus) {
        let mut errors = String::new();
        self.0
            .stderr
            .as_mut()
            .unwrap()
            .read_to_string(&mut errors)
            .unwrap();
        assert!(status.success(), "{status}: {errors}");
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A database with tenants whose schemas are empty. Every second tenant has the kind `indexed`.
struct Empty {
    db: TestDatabase,
    observer: DatabaseConnection,
    tenants: usize,
}

impl Empty {
    async fn create(tenants: usize) -> Self {
        let db = TestDatabase::create().await;
        Runner::start(&db).succeed().await;
        let observer = observe(&db).await;
        let empty = Self {
            db,
            observer,
            tenants,
        };
        empty.make().await;
        empty
    }

    async fn make(&self) {
        let sql = format!(
            "DO $$ BEGIN FOR i IN 1..{} LOOP
                 EXECUTE format('CREATE SCHEMA t%s', i);
                 INSERT INTO public.tenants (schema_name, name, kind, status)
                     VALUES ('t' || i, '', CASE i % 2 WHEN 0 THEN 'indexed' ELSE 'plain' END, 'active');
             END LOOP; END $$",
            self.tenants
        );
        self.observer.execute_unprepared(&sql).await.unwrap();
    }

    async fn make_anew(&self) {
        let drop = "DO $$ DECLARE name text; BEGIN
                FOR name IN DELETE FROM public.tenants RETURNING schema_name LOOP
                    EXECUTE format('DROP SCHEMA %I CASCADE', name);
                END LOOP; END $$;
            TRUNCATE public.mark";
        self.observer.execute_unprepared(drop).await.unwrap();
        self.make().await;
    }

    /// True if a session holds an advisory lock, which a run takes for each schema.
    async fn is_worked_on(&self) -> bool {
        let locks = "SELECT FROM pg_locks JOIN pg_database ON oid = database
            WHERE locktype = 'advisory' AND datname = current_database()";
        count(&self.observer, locks).await > 0
    }

    async fn wait_for_work(&self, runner: &mut Runner) {
        while runner.ended().is_none() && !self.is_worked_on().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Returns the migrations recorded in all ledgers, as `schema.migration`.
    async fn recorded(&self) -> BTreeSet<String> {
        let sql = "SELECT schemaname FROM pg_tables
            WHERE tablename = 'seaql_migrations' AND schemaname <> 'public'";
        let mut recorded = BTreeSet::new();
        for schema in column(&self.observer, sql).await {
            let migrations = ledger(&self.observer, &schema).await;
            recorded.extend(migrations.iter().map(|migration| format!("{schema}.{migration}")));
        }
        recorded
    }

    /// Checks that each migration in a transaction was applied completely or not at all: its record, its table, and one
    /// mark that it ran. Checks that the catalog has the version of each tenant.
    async fn assert_nothing_is_half_applied(&self) {
        let recorded = self.recorded().await;
        let in_transactions: Vec<_> = recorded.iter().filter(|name| !name.ends_with(INDEX)).collect();
        for sql in [
            "SELECT schema || '.' || migration FROM public.mark",
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE tablename ~ '^m\\d_'",
        ] {
            let mut found = column(&self.observer, sql).await;
            found.sort();
            assert!(
                found.iter().eq(in_transactions.iter().copied()),
                "{sql}: {found:?}, and the ledgers have {in_transactions:?}"
            );
        }
        let sql = "SELECT schema_name || '.' || version FROM public.tenants WHERE version IS NOT NULL";
        let mut versions = column(&self.observer, sql).await;
        versions.sort();
        let last: BTreeSet<_> = recorded
            .iter()
            .filter(|name| {
                let (schema, migration) = name.split_once('.').unwrap();
                let later = format!("{schema}.{migration}\0")..format!("{schema}/");
                recorded.range::<String, Range<_>>(later).next().is_none()
            })
            .collect();
        assert!(
            versions.iter().eq(last.iter().copied()),
            "{versions:?}, not {last:?}"
        );
    }

    async fn assert_each_is_applied_once(&self) {
        self.assert_nothing_is_half_applied().await;
        let indexed = (1..=self.tenants).filter(|i| i % 2 == 0);
        let expected: BTreeSet<_> = (1..=self.tenants)
            .flat_map(|i| MIGRATIONS.map(|migration| format!("t{i}.{migration}")))
            .chain(indexed.clone().map(|i| format!("t{i}.{INDEX}")))
            .collect();
        assert_eq!(self.recorded().await, expected);
        assert_eq!(self.indexes().await, (indexed.count(), 0));
        assert_eq!(count(&self.observer, BEGUN).await, 0);
    }

    /// Returns the number of valid indexes of the migrations, and the number of invalid indexes.
    async fn indexes(&self) -> (usize, usize) {
        let sql = "SELECT CASE WHEN indisvalid THEN relname::text ELSE 'invalid' END
            FROM pg_index JOIN pg_class ON oid = indexrelid
            WHERE relnamespace::regnamespace::text ~ '^t\\d' AND NOT indisprimary";
        let names = column(&self.observer, sql).await;
        let count = |name: &str| names.iter().filter(|found| *found == name).count();
        (count("m1_one_id"), count("invalid"))
    }
}

/// Migration tables marked as dirty: a migration began outside of a transaction and did not end.
const BEGUN: &str = "SELECT FROM pg_description WHERE description LIKE 'tenant-migration:%'";

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the seed is for whoever repeats a failure")]
async fn a_runner_that_is_killed_leaves_no_migration_half_applied_and_the_next_one_does_the_rest() {
    const KILLS: usize = 50;
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let empty = Empty::create(20).await;
    let (mut kills, mut kills_at_work) = (0, 0);
    while kills < KILLS {
        let mut runner = Runner::start(&empty.db);
        // Most are killed while they migrate, independent of their start-up time.
        if random.u8(0..5) > 0 {
            empty.wait_for_work(&mut runner).await;
        }
        tokio::time::sleep(Duration::from_millis(random.u64(0..200))).await;
        if let Some(status) = runner.ended() {
            runner.assert_success(status);
            empty.assert_each_is_applied_once().await;
            empty.make_anew().await;
            continue;
        }
        runner.kill();
        kills += 1;
        kills_at_work += usize::from(empty.is_worked_on().await);
        wait_for_sessions_to_end(&empty.observer).await;
        empty.assert_nothing_is_half_applied().await;
    }
    println!("{kills_at_work} of {kills} were killed at work");
    assert!(kills_at_work > KILLS / 5, "{kills_at_work}");
    Runner::start(&empty.db).succeed().await;
    empty.assert_each_is_applied_once().await;
}

#[tokio::test]
async fn four_runners_at_once_apply_each_migration_once() {
    let empty = Empty::create(100).await;
    let runners: Vec<_> = (0..4).map(|_| Runner::start(&empty.db)).collect();
    for runner in runners {
        runner.succeed().await;
    }
    empty.assert_each_is_applied_once().await;
}

/// Sessions that wait for the lock of a tenant by trying repeatedly.
const WAITING_FOR_THE_TENANT: &str = "SELECT FROM pg_stat_activity WHERE datname = current_database()
    AND pid <> pg_backend_pid() AND (query = 'ROLLBACK' OR query LIKE 'SELECT pg_catalog.pg_try_advisory_lock%') AND state = 'idle'";

/// Begins a transaction and leaves it open.
async fn open_transaction(db: &TestDatabase, sql: &str) -> DatabaseConnection {
    let connection = observe(db).await;
    let sql = format!("BEGIN ISOLATION LEVEL REPEATABLE READ; {sql}");
    connection.execute_unprepared(&sql).await.unwrap();
    connection
}

#[tokio::test]
async fn a_runner_waits_for_what_the_server_still_does_for_one_that_was_killed() {
    let empty = Empty::create(1).await;
    let table_lock = open_transaction(&empty.db, "LOCK TABLE public.mark").await;
    let runner = Runner::start(&empty.db);
    let insert = "SELECT FROM pg_stat_activity WHERE datname = current_database()
        AND query LIKE 'INSERT INTO public.mark%' AND wait_event_type = 'Lock'";
    wait_for(&empty.observer, insert).await;
    runner.kill();
    let next = Runner::start(&empty.db);
    wait_for(&empty.observer, WAITING_FOR_THE_TENANT).await;
    assert_eq!(count(&empty.observer, insert).await, 1, "its session went on");
    table_lock.execute_unprepared("COMMIT").await.unwrap();
    next.succeed().await;
    empty.assert_each_is_applied_once().await;
}

/// Sessions whose `CREATE INDEX CONCURRENTLY` waits for older transactions. Until then its index is invalid.
const BUILDING: &str = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()
    AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event = 'virtualxid'";

#[tokio::test]
async fn an_index_that_was_being_built_for_a_killed_runner_is_built_anew() {
    let empty = Empty::create(2).await;
    let older = open_transaction(&empty.db, "SELECT").await;
    let runner = Runner::start(&empty.db);
    wait_for(&empty.observer, BUILDING).await;
    runner.kill();
    let end = format!("SELECT pg_terminate_backend(pid) FROM ({BUILDING}) AS building");
    empty.observer.execute_unprepared(&end).await.unwrap();
    older.execute_unprepared("COMMIT").await.unwrap();
    older.close().await.unwrap();
    wait_for_sessions_to_end(&empty.observer).await;
    assert_eq!(empty.indexes().await, (0, 1), "it is left, and not valid");
    assert_eq!(count(&empty.observer, BEGUN).await, 1);
    empty.assert_nothing_is_half_applied().await;
    Runner::start(&empty.db).succeed().await;
    empty.assert_each_is_applied_once().await;
}

#[tokio::test]
async fn an_index_that_the_server_still_builds_for_a_killed_runner_is_waited_for() {
    let empty = Empty::create(2).await;
    let older = open_transaction(&empty.db, "SELECT").await;
    let runner = Runner::start(&empty.db);
    wait_for(&empty.observer, BUILDING).await;
    runner.kill();
    let next = Runner::start(&empty.db);
    wait_for(&empty.observer, WAITING_FOR_THE_TENANT).await;
    assert_eq!(count(&empty.observer, BUILDING).await, 1);
    older.execute_unprepared("COMMIT").await.unwrap();
    next.succeed().await;
    empty.assert_each_is_applied_once().await;
}

/// Starts a command that creates a tenant of kind `indexed`, and kills it while it builds an index.
async fn kill_while_it_builds(empty: &Empty, words: &[&str]) {
    let older = open_transaction(&empty.db, "SELECT").await;
    let runner = Runner::start_with(&empty.db, words);
    wait_for(&empty.observer, BUILDING).await;
    runner.kill();
    let end = format!("SELECT pg_terminate_backend(pid) FROM ({BUILDING}) AS building");
    empty.observer.execute_unprepared(&end).await.unwrap();
    older.execute_unprepared("COMMIT").await.unwrap();
    older.close().await.unwrap();
    wait_for_sessions_to_end(&empty.observer).await;
}

#[tokio::test]
async fn a_tenant_whose_creation_was_killed_is_not_served_and_is_created_anew() {
    let empty = Empty::create(0).await;
    let create = [
        "tenant",
        "create",
        "acme",
        "--kind",
        "indexed",
        "--domain",
        "acme.example.com",
    ];
    let rows = "SELECT concat_ws(' ', schema_name, status, version) FROM tenants";
    for _ in 0..2 {
        kill_while_it_builds(&empty, &create).await;
        assert_eq!(column(&empty.observer, rows).await, ["acme provisioning m2_two"]);
        Runner::start(&empty.db).succeed().await;
        assert_eq!(
            column(&empty.observer, rows).await,
            ["acme provisioning m2_two"],
            "not migrated"
        );
    }
    Runner::start_with(&empty.db, &create).succeed().await;
    assert_eq!(column(&empty.observer, rows).await, ["acme active m4_four"]);
    let mut all: Vec<_> = MIGRATIONS.into_iter().chain([INDEX]).collect();
    all.sort_unstable();
    assert_eq!(ledger(&empty.observer, "acme").await, all);
    let domains = "SELECT FROM domains WHERE domain = 'acme.example.com'";
    assert_eq!(count(&empty.observer, domains).await, 1);
    let invalid = "SELECT FROM pg_index WHERE NOT indisvalid";
    assert_eq!(count(&empty.observer, invalid).await, 0);
}

#[tokio::test]
async fn a_pending_schema_whose_creation_was_killed_is_made_anew() {
    let empty = Empty::create(0).await;
    let fill = ["tenant", "pool", "fill", "--kind", "indexed", "--size", "1"];
    kill_while_it_builds(&empty, &fill).await;
    let statuses = "SELECT status FROM tenants";
    assert_eq!(column(&empty.observer, statuses).await, ["provisioning"]);
    Runner::start_with(&empty.db, &fill).succeed().await;
    assert_eq!(column(&empty.observer, statuses).await, ["pending"]);
    let schemas = "SELECT FROM pg_namespace WHERE nspname LIKE 'pending%'";
    assert_eq!(count(&empty.observer, schemas).await, 1);
}

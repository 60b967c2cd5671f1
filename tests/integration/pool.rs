//! The connection pool: which connection a tenant gets, when connections are closed, and which options apply.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, future::join_all};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DbErr, RuntimeErr, Statement, StreamTrait, TransactionTrait,
    sqlx::Executor,
};
use tenant_core::{
    ConnectError, ConnectionError, PoolStatus, SchemaName, Tenant, TenantConnection, TenantId, Tenants,
};
use tests::{TestDatabase, TestServer};

use crate::entities::with_roles;

const PROCESS: &str = "SELECT pid FROM public.process";

/// Creates a database with two tenants' schemas. The view `process` returns the server process of the session.
async fn database() -> TestDatabase {
    let database = TestDatabase::create().await;
    let schemas = "CREATE SCHEMA acme; CREATE SCHEMA globex; CREATE TABLE acme.note (title text);
        CREATE VIEW public.process AS SELECT pg_backend_pid() AS pid";
    database.execute(schemas).await;
    database
}

fn options(database: &TestDatabase, connections: u32) -> ConnectOptions {
    let mut options = database.options();
    options.max_connections(connections);
    options
}

async fn connect(options: ConnectOptions) -> Tenants {
    Tenants::connect(options).await.unwrap()
}

fn tenant(tenants: &Tenants, name: &str) -> TenantConnection {
    tenants.connection(&Tenant::new(TenantId(1), SchemaName::new(name).unwrap(), name))
}

fn statement(sql: &str) -> Statement {
    Statement::from_string(sea_orm::DbBackend::Postgres, sql)
}

async fn process(db: &impl ConnectionTrait) -> i32 {
    ask(db, PROCESS).await.unwrap()
}

async fn ask<T: sea_orm::TryGetable>(db: &impl ConnectionTrait, question: &str) -> Result<T, DbErr> {
    let row = db.query_one_raw(statement(question)).await?;
    row.expect("a row").try_get_by_index(0)
}

/// Asks in an unguarded transaction, which does not check statements.
async fn ask_unguarded(db: &TenantConnection, question: &str) -> String {
    let transaction = db.begin_unguarded().await.unwrap();
    let answer = ask(&transaction, question).await.unwrap();
    transaction.commit().await.unwrap();
    answer
}

fn status(tenants: &Tenants) -> PoolStatus {
    tenants.pool_status().unwrap()
}

async fn settled(tenants: &Tenants) {
    for _ in 0..1000 {
        if status(tenants).busy == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("connections are in use: {:?}", status(tenants));
}

#[tokio::test]
async fn a_session_that_ran_unguarded_statements_is_closed() {
    let database = database().await;
    let tenants = connect(options(&database, 1)).await;
    let (acme, globex) = (tenant(&tenants, "acme"), tenant(&tenants, "globex"));
    let mut seen = Vec::new();
    for ending in ["commit", "rollback", "drop"] {
        let transaction = acme.begin_unguarded().await.unwrap();
        let dirt =
            "SET search_path = acme; SELECT setseed(0.5); CREATE TEMP TABLE IF NOT EXISTS left_behind ()";
        transaction.execute_unprepared(dirt).await.unwrap();
        seen.push(process(&transaction).await);
        match ending {
            "commit" => transaction.commit().await.unwrap(),
            "rollback" => transaction.rollback().await.unwrap(),
            _ => drop(transaction),
        }
        let next = process(&globex).await;
        assert!(!seen.contains(&next), "{ending}");
    }
    assert_eq!(status(&tenants).closed.unguarded, 3);
    let path = ask_unguarded(
        &globex,
        "SELECT concat(current_setting('search_path'), to_regclass('pg_temp.left_behind'))",
    );
    assert_eq!(path.await, "globex, public");
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn a_tenant_comes_back_to_its_home() {
    let database = database().await;
    let tenants = connect(options(&database, 4)).await;
    for name in ["acme", "globex"] {
        let db = tenant(&tenants, name);
        let home = process(&db).await;
        for _ in 0..20 {
            assert_eq!(process(&db).await, home, "{name}");
        }
    }
    assert_eq!(status(&tenants).home_misses, 0);
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn a_home_in_use_is_left_for_another_connection() {
    let database = database().await;
    let tenants = connect(options(&database, 4)).await;
    let acme = tenant(&tenants, "acme");
    let mut transactions = Vec::new();
    for _ in 0..4 {
        transactions.push(acme.begin().await.unwrap());
    }
    let mut processes = Vec::new();
    for transaction in &transactions {
        processes.push(process(transaction).await);
    }
    processes.sort_unstable();
    processes.dedup();
    assert_eq!(processes.len(), 4);
    assert_eq!((status(&tenants).busy, status(&tenants).busy_tenants), (4, 1));
    drop(transactions);
    settled(&tenants).await;
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn whoever_waits_for_too_long_is_told_why() {
    let database = database().await;
    let mut options = options(&database, 2);
    options.acquire_timeout(Duration::from_millis(200));
    let tenants = connect(options).await;
    let held = [
        tenant(&tenants, "acme").begin().await.unwrap(),
        tenant(&tenants, "globex").begin().await.unwrap(),
    ];
    let error = tenant(&tenants, "acme")
        .execute_unprepared("SELECT 1")
        .await
        .unwrap_err();
    let message = error.to_string();
    let expected =
        "no connection was free within 200ms: 2 of 2 connections (2 at most) are in use by 2 tenants";
    assert!(message.contains(expected), "{message}");
    assert!(matches!(
        ConnectionError::of(&error),
        Some(ConnectionError::AcquireTimeout {
            busy: 2,
            busy_tenants: 2,
            ..
        })
    ));
    drop(held);
    tenant(&tenants, "acme")
        .execute_unprepared("SELECT 1")
        .await
        .unwrap();
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn the_options_of_the_application_hold() {
    let database = database().await;
    let mut options = options(&database, 1);
    options
        .statement_timeout(Duration::from_secs(11))
        .set_application_name("app")
        .set_schema_search_path("pg_catalog")
        .map_sqlx_postgres_opts(|options| options.options([("lock_timeout", "12s")]))
        .map_sqlx_postgres_pool_opts(|options| {
            options.after_connect(|connection, _| {
                Box::pin(async move { connection.execute("SET app.mark = 'set'").await.map(|_| ()) })
            })
        });
    let tenants = connect(options).await;
    let acme = tenant(&tenants, "acme");
    let settings =
        "SELECT concat_ws(', ', current_setting('statement_timeout'), current_setting('application_name'),
        current_setting('lock_timeout'), current_setting('app.mark'))";
    assert_eq!(ask_unguarded(&acme, settings).await, "11s, app, 12s, set");
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn the_search_path_of_the_options_holds() {
    let database = database().await;
    let mut options = options(&database, 1);
    options.set_schema_search_path("pg_catalog");
    let tenants = connect(options).await;
    // PostgreSQL resolves `length` through the session's search path, also in a checked statement.
    let resolved = "SELECT title FROM note WHERE length(title) > 0";
    tenant(&tenants, "acme")
        .query_all_raw(statement(resolved))
        .await
        .unwrap();
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn connections_are_closed_when_they_are_old_or_idle_and_kept_as_many_as_are_asked_for() {
    let database = database().await;
    let mut short = options(&database, 4);
    short.idle_timeout(Duration::from_millis(300)).min_connections(2);
    let tenants = connect(short).await;
    assert_eq!(status(&tenants).connections, 2);
    let acme = tenant(&tenants, "acme");
    drop(join_all((0..4).map(|_| acme.begin())).await);
    settled(&tenants).await;
    assert_eq!(status(&tenants).connections, 4);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(status(&tenants).connections, 2, "{:?}", status(&tenants));
    tenants.close().await.unwrap();

    let mut short = options(&database, 1);
    short.max_lifetime(Duration::from_millis(200));
    let tenants = connect(short).await;
    let acme = tenant(&tenants, "acme");
    let first = process(&acme).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_ne!(process(&acme).await, first);
    tenants.close().await.unwrap();
}

/// After the server ended idle sessions, at most one request fails, since nobody read the server's messages.
#[tokio::test]
async fn sessions_that_were_terminated_cost_one_request() {
    let database = database().await;
    let tenants = connect(options(&database, 4)).await;
    let acme = tenant(&tenants, "acme");
    drop(join_all((0..4).map(|_| acme.begin())).await);
    settled(&tenants).await;
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.execute(terminate).await;
    let mut failed = 0;
    for name in ["acme", "globex", "initech", "umbrella", "hooli", "acme", "globex"] {
        let answer = tenant(&tenants, name).execute_unprepared("SELECT 1").await;
        failed += u32::from(answer.is_err());
    }
    assert!(failed <= 1, "{failed} requests failed");
    tenants.close().await.unwrap();
}

/// Tasks that send statements until they are stopped.
struct Load {
    tasks: Vec<tokio::task::JoinHandle<Answers>>,
    is_over: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Answers {
    done: u32,
    failed: Vec<DbErr>,
}

impl Load {
    fn start(tenants: &Tenants) -> Self {
        let is_over = Arc::<AtomicBool>::default();
        let tasks = (0..8).map(|number| {
            let db = tenant(tenants, ["acme", "globex", "initech"][number % 3]);
            let is_over = Arc::clone(&is_over);
            tokio::spawn(async move {
                let mut answers = Answers::default();
                while !is_over.load(Ordering::Relaxed) {
                    match db.execute_unprepared("SELECT 1").await {
                        Ok(_) => answers.done += 1,
                        Err(error) => answers.failed.push(error),
                    }
                }
                answers
            })
        });
        Self {
            tasks: tasks.collect(),
            is_over,
        }
    }

    async fn stop(self) -> Answers {
        self.is_over.store(true, Ordering::Relaxed);
        let mut answers = Answers::default();
        for task in self.tasks {
            let of_task = task.await.unwrap();
            answers.done += of_task.done;
            answers.failed.extend(of_task.failed);
        }
        answers
    }
}

const PAUSE: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_are_terminated_under_load_cost_the_requests_in_flight() {
    const CONNECTIONS: u32 = 4;
    const TIMES: u32 = 5;
    let database = database().await;
    let tenants = connect(options(&database, CONNECTIONS)).await;
    let load = Load::start(&tenants);
    for _ in 0..TIMES {
        tokio::time::sleep(PAUSE).await;
        let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        database.execute(terminate).await;
    }
    tokio::time::sleep(PAUSE).await;
    let Answers { done, failed } = load.stop().await;
    assert!(done > 100, "{done}");
    assert!(failed.len() <= (TIMES * CONNECTIONS) as usize, "{failed:?}");
    tenants.close().await.unwrap();
}

/// Only requests in flight fail when the server restarts. Requests during the restart wait for the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_under_load_costs_the_requests_in_flight() {
    const CONNECTIONS: u32 = 4;
    let server = TestServer::start();
    let mut options = ConnectOptions::new(server.url());
    options.max_connections(CONNECTIONS).sqlx_logging(false);
    let tenants = connect(options).await;
    let load = Load::start(&tenants);
    tokio::time::sleep(PAUSE).await;
    server.restart().await;
    tokio::time::sleep(PAUSE).await;
    let Answers { done, failed } = load.stop().await;
    assert!(done > 100, "{done}");
    assert!(failed.len() <= CONNECTIONS as usize, "{failed:?}");
    for name in ["acme", "globex", "initech"] {
        let answer = tenant(&tenants, name).execute_unprepared("SELECT 1").await;
        answer.unwrap();
    }
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn a_connection_is_asked_after_idle_time() {
    let database = database().await;
    let mut options = options(&database, 1);
    options.test_before_acquire_if_idle_for(Duration::from_millis(100));
    let tenants = connect(options).await;
    let acme = tenant(&tenants, "acme");
    acme.execute_unprepared("SELECT 1").await.unwrap();
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.execute(terminate).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    acme.execute_unprepared("SELECT 1").await.unwrap();
    assert_eq!(status(&tenants).closed.lost, 1);
    tenants.close().await.unwrap();
}

/// A prepared statement whose columns changed is prepared again. Otherwise PostgreSQL would fail every time with "cached
/// plan must not change result type".
#[tokio::test]
async fn a_statement_whose_columns_changed_is_prepared_anew() {
    let database = database().await;
    let tenants = connect(options(&database, 3)).await;
    let acme = tenant(&tenants, "acme");
    database.execute("INSERT INTO acme.note VALUES ('one')").await;
    let all = statement("SELECT * FROM note");
    for column in ["a", "b", "c"] {
        let transactions = join_all((0..3).map(|_| acme.begin())).await;
        for transaction in transactions {
            transaction.unwrap().query_all_raw(all.clone()).await.unwrap();
        }
        settled(&tenants).await;
        database
            .execute(&format!("ALTER TABLE acme.note ADD COLUMN {column} int"))
            .await;
        for _ in 0..12 {
            let rows = acme.query_all_raw(all.clone()).await.unwrap();
            assert_eq!(rows[0].column_names().last().unwrap(), column);
        }
        // On the other connections, in transactions: one statement each, because it may abort the transaction.
        let transactions = join_all((0..3).map(|_| acme.begin())).await;
        for transaction in transactions {
            let _ = transaction.unwrap().query_all_raw(all.clone()).await;
        }
        settled(&tenants).await;
    }
    assert!(status(&tenants).statements_renewed >= 3);
    tenants.close().await.unwrap();
}

/// Each new session is checked for `standard_conforming_strings`, since sessions may differ.
#[tokio::test]
async fn a_session_that_reads_literals_in_another_way_is_not_used() {
    let database = database().await;
    let mut lazy = options(&database, 2);
    lazy.connect_lazy(true);
    let tenants = connect(lazy).await;
    let acme = tenant(&tenants, "acme");
    process(&acme).await;
    let off = format!(
        "ALTER DATABASE \"{}\" SET standard_conforming_strings = off",
        database.name()
    );
    database.execute(&off).await;
    let first = acme.begin().await.unwrap();
    let error = acme.begin().await.map(|_| ()).unwrap_err();
    let is_refused = matches!(&error, DbErr::Conn(RuntimeErr::Internal(text)) if text.contains("standard_conforming_strings"));
    assert!(is_refused, "{error}");
    drop(first);
    let error = Tenants::connect(options(&database, 1)).await.unwrap_err();
    assert!(matches!(error, ConnectError::NonStandardStrings), "{error}");
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn statements_are_kept_up_to_the_capacity() {
    let database = database().await;
    let tenants = Tenants::builder().statement_cache_capacity(10);
    let tenants = tenants.connect(options(&database, 1)).await.unwrap();
    let acme = tenant(&tenants, "acme");
    for round in 0..30 {
        let sql = format!("SELECT {round}");
        acme.query_one_raw(statement(&sql)).await.unwrap();
    }
    let kept = status(&tenants).statements_kept;
    assert!((5..=10).contains(&kept), "{kept}");
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn a_closed_pool_refuses_and_waits_for_those_in_use() {
    let database = database().await;
    let tenants = connect(options(&database, 2)).await;
    let acme = tenant(&tenants, "acme");
    let transaction = acme.begin().await.unwrap();
    let closing = tokio::spawn({
        let tenants = tenants.clone();
        async move { tenants.close().await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!closing.is_finished());
    if !with_roles() {
        let error = acme.execute_unprepared("SELECT 1").await.unwrap_err();
        assert!(matches!(error, DbErr::ConnectionAcquire(_)), "{error}");
    }
    transaction.commit().await.unwrap();
    closing.await.unwrap().unwrap();
    assert_eq!(status(&tenants).connections, 0);
}

/// Five gigabytes.
const ENDLESS: &str =
    "SELECT repeat('x', 1000) FROM generate_series(1, 1000) AS a, generate_series(1, 5000) AS b";

/// The longest time that a test waits where the rest of a stream is read for a second at most.
const SOON: Duration = Duration::from_secs(3);

async fn read_one_row(db: &impl StreamTrait, sql: &str) {
    let mut rows = Box::pin(db.stream_raw(statement(sql)).await.unwrap());
    rows.next().await.unwrap().unwrap();
}

#[tokio::test]
async fn the_rest_of_a_dropped_stream_keeps_nobody_waiting() {
    let database = database().await;
    let tenants = connect(options(&database, 1)).await;
    let (acme, globex) = (tenant(&tenants, "acme"), tenant(&tenants, "globex"));
    read_one_row(&acme, ENDLESS).await;
    let begun = Instant::now();
    globex.execute_unprepared("SELECT 1").await.unwrap();
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn a_commit_after_a_dropped_stream_is_bounded() {
    let database = database().await;
    let tenants = connect(options(&database, 1)).await;
    let acme = tenant(&tenants, "acme");
    let insert = "INSERT INTO \"$tenant\".note VALUES ('kept')";
    let notes = "SELECT count(*) FROM \"$tenant\".note";

    let transaction = acme.begin().await.unwrap();
    transaction.execute_unprepared(insert).await.unwrap();
    read_one_row(&transaction, "SELECT generate_series(1, 10)").await;
    transaction.commit().await.unwrap();
    assert_eq!(ask::<i64>(&acme, notes).await.unwrap(), 1);

    let transaction = acme.begin().await.unwrap();
    transaction.execute_unprepared(insert).await.unwrap();
    read_one_row(&transaction, ENDLESS).await;
    let begun = Instant::now();
    let error = transaction.commit().await.unwrap_err();
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert!(
        matches!(
            ConnectionError::of(&error),
            Some(ConnectionError::TransactionBroken { .. })
        ),
        "{error}"
    );
    assert_eq!(ask::<i64>(&acme, notes).await.unwrap(), 1);
    tenants.close().await.unwrap();
}

/// A change has its effect even if the rows that it returns are not read.
#[tokio::test]
async fn a_dropped_stream_of_changed_rows_has_changed_them() {
    let database = database().await;
    let tenants = connect(options(&database, 1)).await;
    let acme = tenant(&tenants, "acme");
    let insert = "INSERT INTO \"$tenant\".note SELECT repeat('x', 1000) FROM generate_series(1, 50000) RETURNING title";
    read_one_row(&acme, insert).await;
    let notes = ask::<i64>(&acme, "SELECT count(*) FROM \"$tenant\".note").await;
    assert_eq!(notes.unwrap(), 50000);
    tenants.close().await.unwrap();
}

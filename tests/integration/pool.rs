//! What a connection is put through when it comes back to the pool: a pool of one, a borrower that leaves something
//! behind, and the next one.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, Statement, TransactionSession, TransactionTrait,
    sqlx::{Executor, Row},
};
use tenant_core::{SchemaName, Tenant, TenantId, Tenants, TenantsBuilder};
use tests::TestDatabase;

/// What a borrower leaves behind, and the question whose answer shows it.
const LEFT_BEHIND: &[(&str, &str)] = &[
    ("SET search_path = pg_catalog", "SHOW search_path"),
    ("SET ROLE pg_monitor", "SELECT current_user::text"),
    ("SET SESSION AUTHORIZATION pg_monitor", "SELECT session_user::text"),
    ("SET statement_timeout = '7s'", "SHOW statement_timeout"),
    ("SET app.tenant = 'acme'", "SELECT coalesce(current_setting('app.tenant', true), '')"),
    ("SET default_transaction_read_only = on", "SHOW transaction_read_only"),
    (
        "SELECT pg_advisory_lock(7)",
        "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
    ),
    (
        "CREATE TEMP TABLE left_behind (id int)",
        "SELECT count(*)::text FROM pg_class WHERE relname = 'left_behind'",
    ),
    ("LISTEN left_behind", "SELECT count(*)::text FROM pg_listening_channels()"),
    (
        "BEGIN; DECLARE left_behind CURSOR WITH HOLD FOR SELECT 1; COMMIT",
        "SELECT count(*)::text FROM pg_cursors WHERE name = 'left_behind'",
    ),
    // Names are not looked up where the check could be led astray.
    (
        "CREATE OR REPLACE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz';
         SET search_path = public, pg_catalog",
        "SHOW search_path",
    ),
];

/// Transactions that are left open, and one that has failed besides.
const LEFT_OPEN: &[&str] = &[
    "BEGIN",
    "BEGIN READ ONLY",
    "BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO entry VALUES (1)",
    "BEGIN; INSERT INTO entry VALUES (1); SAVEPOINT s",
    "BEGIN; SELECT 1 / 0",
];

fn pool_of_one(database: &TestDatabase) -> ConnectOptions {
    let mut options = database.options();
    options.max_connections(1);
    options
}

async fn connect(builder: TenantsBuilder, database: &TestDatabase) -> Tenants {
    builder.connect(pool_of_one(database)).await.unwrap()
}

async fn ask(db: &DatabaseConnection, question: &str) -> String {
    let question = Statement::from_string(db.get_database_backend(), question);
    let row = db.query_one_raw(question).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

async fn backend(db: &DatabaseConnection) -> String {
    ask(db, "SELECT pg_backend_pid()::text").await
}

#[tokio::test]
async fn what_a_borrower_leaves_behind_is_gone_for_the_next() {
    let database = TestDatabase::create().await;
    let tenants = connect(Tenants::builder(), &database).await;
    let db = tenants.shared_connection();
    let session = backend(db).await;
    for (dirt, question) in LEFT_BEHIND {
        let clean = ask(db, question).await;
        db.execute_unprepared(dirt).await.unwrap();
        assert_eq!(ask(db, question).await, clean, "{dirt}");
    }
    assert_eq!(
        backend(db).await,
        session,
        "the session is put back, and not replaced"
    );
    tenants.close().await.unwrap();
}

/// Shows that the questions see what is left behind.
#[tokio::test]
async fn sessions_that_are_trusted_stay_as_they_are() {
    let database = TestDatabase::create().await;
    for (dirt, question) in LEFT_BEHIND {
        let tenants = connect(Tenants::builder().trust_returned_sessions(), &database).await;
        let db = tenants.shared_connection();
        let clean = ask(db, question).await;
        db.execute_unprepared(dirt).await.unwrap();
        assert_ne!(ask(db, question).await, clean, "{dirt}");
        tenants.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_session_with_an_open_transaction_is_closed() {
    let database = TestDatabase::create().await;
    database.execute("CREATE TABLE entry (id int)").await;
    let tenants = connect(Tenants::builder(), &database).await;
    let db = tenants.shared_connection();
    for begin in LEFT_OPEN {
        let session = backend(db).await;
        let _ = db.execute_unprepared(begin).await;
        assert_ne!(backend(db).await, session, "{begin}");
        db.execute_unprepared("INSERT INTO entry VALUES (2)")
            .await
            .unwrap();
    }
    let entries = "SELECT string_agg(DISTINCT id::text, ',') || count(*) FROM entry";
    assert_eq!(ask(db, entries).await, format!("2{}", LEFT_OPEN.len()));
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn what_unguarded_statements_set_does_not_reach_another_tenant() {
    let database = TestDatabase::create().await;
    let schemas = "CREATE SCHEMA acme; CREATE SCHEMA globex; CREATE SEQUENCE acme.number";
    database.execute(schemas).await;
    let tenants = connect(Tenants::builder(), &database).await;
    let tenant = |id, name| Tenant::new(TenantId(id), SchemaName::new(name).unwrap(), name);
    let acme = tenants.connection(&tenant(1, "acme"));

    let transaction = acme.begin_unguarded().await.unwrap();
    let dirt = "SET search_path = acme; SET app.tenant = 'acme'; SELECT nextval('number');
        CREATE TEMP TABLE note (id int)";
    transaction.execute_unprepared(dirt).await.unwrap();
    transaction.commit().await.unwrap();

    let globex = tenants
        .connection(&tenant(2, "globex"))
        .begin_unguarded()
        .await
        .unwrap();
    let state = "SELECT concat_ws('|', current_setting('search_path'), current_setting('app.tenant', true),
        to_regclass('pg_temp.note'))";
    let state = Statement::from_string(globex.get_database_backend(), state);
    let row = globex.query_one_raw(state).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<String>(0).unwrap(), "globex, public|");
    let last = globex.execute_unprepared("SELECT lastval()").await.unwrap_err();
    assert!(last.to_string().contains("lastval is not yet defined"), "{last}");
    globex.rollback().await.unwrap();
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn prepared_statements_and_startup_options_are_kept() {
    let database = TestDatabase::create().await;
    let mut options = pool_of_one(&database);
    options.statement_timeout(Duration::from_secs(11));
    let tenants = Tenants::connect(options).await.unwrap();
    let db = tenants.shared_connection();
    let prepared = "SELECT count(*)::text FROM pg_prepared_statements";
    let first = ask(db, prepared).await;
    assert_eq!(
        ask(db, prepared).await,
        first,
        "the same statement is prepared once"
    );
    assert_ne!(first, "0");
    assert_eq!(ask(db, "SHOW statement_timeout").await, "11s");
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn what_the_application_sets_on_the_pool_is_kept() {
    let database = TestDatabase::create().await;
    let mut options = pool_of_one(&database);
    options.map_sqlx_postgres_pool_opts(|options| {
        options.min_connections(1).after_connect(|connection, _| {
            let mark = "CREATE TABLE IF NOT EXISTS mark ()";
            Box::pin(async move { connection.execute(mark).await.map(|_| ()) })
        })
    });
    let tenants = Tenants::connect(options).await.unwrap();
    let db = tenants.shared_connection();
    let pool = db.get_postgres_connection_pool();
    assert_eq!(pool.options().get_min_connections(), 1);
    assert_eq!(ask(db, "SELECT to_regclass('mark')::text").await, "mark");
    db.execute_unprepared("SET ROLE pg_monitor").await.unwrap();
    assert_eq!(
        ask(db, "SELECT (current_user = session_user)::text").await,
        "true"
    );
    tenants.close().await.unwrap();
}

/// A temporary table that somebody else holds a lock on cannot be dropped, so the reset does not end.
#[tokio::test]
async fn a_session_that_cannot_be_put_back_in_time_gives_its_place_to_another() {
    let database = TestDatabase::create().await;
    let tenants = connect(Tenants::builder(), &database).await;
    let db = tenants.shared_connection();
    let holder = database.connect().await;
    let lock = holder.begin().await.unwrap();

    let mut borrowed = db.get_postgres_connection_pool().acquire().await.unwrap();
    borrowed.execute("CREATE TEMP TABLE held ()").await.unwrap();
    let session =
        borrowed.fetch_one("SELECT pg_backend_pid()::text, pg_my_temp_schema()::regnamespace::text");
    let session = session.await.unwrap();
    let (process, schema): (String, String) = (session.get(0), session.get(1));
    lock.execute_unprepared(&format!("LOCK TABLE {schema}.held IN ACCESS SHARE MODE"))
        .await
        .unwrap();
    drop(borrowed);

    assert_ne!(backend(db).await, process);
    lock.rollback().await.unwrap();
    holder.close().await.unwrap();
    tenants.close().await.unwrap();
}

//! The fault-injecting proxy of the test utilities.

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseBackend, DatabaseConnection, DbErr, Statement,
};
use tests::{Direction, Fault, Faults, Proxy, Rule, TestDatabase};

async fn connect(proxy: &Proxy) -> DatabaseConnection {
    let mut options = ConnectOptions::new(proxy.url());
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.unwrap()
}

async fn sum(db: &DatabaseConnection) -> Result<i64, DbErr> {
    let sql = "SELECT sum(n) FROM generate_series(1, $1) n";
    let statement = Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, [100.into()]);
    let row = db.query_one_raw(statement).await?.unwrap();
    row.try_get_by_index(0)
}

#[tokio::test]
async fn messages_may_come_in_pieces() {
    let database = TestDatabase::create().await;
    let proxy = Proxy::start_with_seed(database.url(), 7).await;
    proxy.set_faults(Faults {
        split: 1.0,
        ..Faults::default()
    });
    let db = connect(&proxy).await;
    for _ in 0..3 {
        assert_eq!(sum(&db).await.unwrap(), 5050);
    }
    assert!(proxy.counts().splits > 30, "{:?}", proxy.counts());
    assert_eq!(proxy.counts().connections, 1);
}

#[tokio::test]
async fn a_rule_loses_the_connection_at_its_message() {
    let database = TestDatabase::create().await;
    let proxy = Proxy::start(database.url()).await;
    for fault in [Fault::Cut, Fault::Reset] {
        let db = connect(&proxy).await;
        assert_eq!(sum(&db).await.unwrap(), 5050);
        let lost = proxy.add(Rule::message(Direction::ToClient, b"D", fault).nth(2));
        assert_eq!(sum(&db).await.unwrap(), 5050);
        let error = sum(&db).await.unwrap_err();
        assert!(lost.has_fired(), "{error}");
        // The pool opens a new connection.
        assert_eq!(sum(&db).await.unwrap(), 5050);
    }
    let counts = proxy.counts();
    assert_eq!((counts.cuts, counts.resets, counts.connections), (1, 1, 4));
}

#[tokio::test]
async fn a_message_waits_until_it_is_released() {
    let database = TestDatabase::create().await;
    let proxy = Proxy::start(database.url()).await;
    let db = connect(&proxy).await;
    let held = proxy.add(Rule::reply("SELECT", Fault::Hold));
    let mut reading = tokio::spawn({
        let db = db.clone();
        async move { sum(&db).await }
    });
    held.fired().await;
    let moment = std::time::Duration::from_millis(50);
    assert!(tokio::time::timeout(moment, &mut reading).await.is_err());
    held.release();
    assert_eq!(reading.await.unwrap().unwrap(), 5050);
}

#[tokio::test]
async fn a_silent_connection_stays_open() {
    let database = TestDatabase::create().await;
    let proxy = Proxy::start(database.url()).await;
    let db = connect(&proxy).await;
    let silent = proxy.add(Rule::request("sum", Fault::Blackhole));
    let moment = std::time::Duration::from_millis(50);
    assert!(tokio::time::timeout(moment, sum(&db)).await.is_err());
    assert!(silent.has_fired());
}

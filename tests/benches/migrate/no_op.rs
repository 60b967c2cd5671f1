//! `up` with nothing pending, compared with checking one tenant after the other.

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use sea_orm_migration::MigratorTraitSelf as _;
use tenant_migration::{Action, Executor, Target};
use tests::median;

use crate::{
    bench::Bench,
    report::{Report, Row},
    statements::{count, counted},
    time::time,
};

const CONNECTIONS: &str = "sea-orm-migration, connecting for each";
const LOOP: &str = "sea-orm-migration, in a loop";
const SELECT: &str = "a SELECT for each";

pub(crate) async fn measure(bench: &Bench, report: &mut Report) {
    eprintln!("up with nothing to do");
    let executor = Executor::connect(bench.database.options(), bench.schema.migrations())
        .await
        .unwrap();
    let db = session(bench.database.options()).await;
    let (mut ours, mut connections) = (Vec::new(), Vec::new());
    let (mut loops, mut selects) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        ours.push(time(up(&executor)).await.1);
        connections.push(time(connect_for_each(bench)).await.1);
        loops.push(time(ask_each(bench, &db)).await.1);
        selects.push(time(read_each(bench, &db)).await.1);
    }
    executor.close().await.unwrap();
    db.close().await.unwrap();

    let (ours, connections) = (median(ours), median(connections));
    let (loops, selects) = (median(loops), median(selects));
    let times = |beside, other| Row::times(bench.tenants, "up, nothing to do", beside, ours, other);
    let aim = 1.0 / 50.0;
    report.add(times(CONNECTIONS, connections).at_most(if bench.tenants < 1_000 { 1.0 } else { aim }));
    report.add(times(LOOP, loops));
    let beside_selects = times(SELECT, selects);
    report.add(match bench.tenants {
        10_000.. => beside_selects.at_most(0.7),
        _ => beside_selects,
    });
    let (ours, loops, selects) = count_all(bench).await;
    let counts = |beside, other| Row::counts(bench.tenants, "its statements", beside, ours, other);
    report.add(counts(LOOP, loops));
    report.add(counts(SELECT, selects));
}

async fn count_all(bench: &Bench) -> (u64, u64, u64) {
    let options = counted(bench.database.options());
    let executor = Executor::connect(options.clone(), bench.schema.migrations())
        .await
        .unwrap();
    let db = session(options).await;
    let counts = (
        count(up(&executor)).await,
        count(ask_each(bench, &db)).await,
        count(read_each(bench, &db)).await,
    );
    executor.close().await.unwrap();
    db.close().await.unwrap();
    counts
}

async fn session(mut options: ConnectOptions) -> DatabaseConnection {
    options.max_connections(1);
    Database::connect(options).await.unwrap()
}

async fn up(executor: &Executor) {
    let plan = executor.plan(&Target::All, Action::UP).await.unwrap();
    let report = executor.run(plan, &mut ()).await;
    assert!(report.is_success(), "{report:?}");
}

/// Checks each tenant with a new connection, like `sea-orm-cli migrate -s`, but in one process.
async fn connect_for_each(bench: &Bench) {
    for schema in bench.schemas() {
        let mut options = bench.database.options();
        options.set_schema_search_path(&schema);
        let db = session(options).await;
        check(bench, &db, &schema).await;
        db.close().await.unwrap();
    }
}

/// Checks each tenant with one connection, for which `sea-orm-migration` has no function.
async fn ask_each(bench: &Bench, db: &DatabaseConnection) {
    for schema in bench.schemas() {
        db.execute_unprepared(&format!("SET search_path = {schema}"))
            .await
            .unwrap();
        check(bench, db, &schema).await;
    }
}

async fn check(bench: &Bench, db: &DatabaseConnection, schema: &str) {
    let pending = bench.schema.get_pending_migrations(db).await.unwrap();
    assert!(pending.is_empty(), "{schema} has pending migrations");
}

/// Reads each tenant's ledger, the minimum of a check.
async fn read_each(bench: &Bench, db: &DatabaseConnection) {
    for schema in bench.schemas() {
        let sql = format!("SELECT version FROM {schema}.seaql_migrations");
        let read = Statement::from_string(DbBackend::Postgres, sql);
        assert_eq!(db.query_all_raw(read).await.unwrap().len(), 10);
    }
}

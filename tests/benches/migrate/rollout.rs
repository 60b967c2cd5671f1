//! Adding a column to every tenant, compared with psql.

use std::time::Duration;

use sea_orm::ConnectOptions;
use tenant_migration::{Action, Executor, Outcome, Target};
use tests::{
    median,
    relay::{Counter, Relay},
};

use crate::{
    bench::Bench,
    psql::{self, Files, Message},
    report::{Report, Row},
    schema::Tenant,
    time::time,
};

/// Extra milliseconds of each round trip, the name of the row, and the target ratio to psql.
const NETWORKS: [(u64, &str, f64); 2] = [
    (0, "ADD COLUMN, 4 jobs", 4.0),
    (1, "ADD COLUMN, 4 jobs, 1 ms a trip", 1.6),
];

pub(crate) async fn measure(bench: &mut Bench, report: &mut Report) {
    for (delay, name, aim) in NETWORKS {
        eprintln!("a column for every tenant, with {delay} ms for each round trip");
        let relay = Relay::start(bench.database.url(), delay).await;
        let (mut ours, mut statements, mut tenants) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            bench.add_column();
            let up = migrate(relay.url().into(), bench.schema, bench.tenants);
            ours.push(time(up).await.1);
            statements.push(by_hand(bench, relay.url(), Message::Statement).await);
            tenants.push(by_hand(bench, relay.url(), Message::Tenant).await);
        }
        let (ours, statements, tenants) = (median(ours), median(statements), median(tenants));
        let row = |beside, other| Row::times(bench.tenants, name, beside, ours, other);
        report.add(row("4 psql", statements).at_most(aim));
        report.add(row("4 psql, a message for a tenant", tenants));
    }
    count_round_trips(bench, report).await;
    bench.tidy().await;
}

async fn count_round_trips(bench: &mut Bench, report: &mut Report) {
    let counter = Counter::start(bench.database.url()).await;
    bench.add_column();
    migrate(counter.url().into(), bench.schema, bench.tenants).await;
    let ours = counter.trips();
    by_hand(bench, counter.url(), Message::Statement).await;
    let by_hand = counter.trips() - ours;
    let each = |trips| trips / u64::from(bench.tenants);
    let (ours, by_hand) = (each(ours), each(by_hand));
    report.add(Row::counts(
        bench.tenants,
        "its round trips for a tenant",
        "4 psql",
        ours,
        by_hand,
    ));
}

/// Migrates all tenants, connecting included.
pub(crate) async fn migrate(options: ConnectOptions, schema: Tenant, tenants: u32) {
    let executor = Executor::connect(options, schema.migrations()).await.unwrap();
    let plan = executor.plan(&Target::All, Action::UP).await.unwrap();
    let report = executor.run(plan, &mut ()).await;
    executor.close().await.unwrap();
    let done = report
        .schemas
        .iter()
        .filter(|schema| matches!(schema.outcome, Outcome::Done(_)));
    assert_eq!(done.count(), tenants as usize, "{report:?}");
}

/// Returns the time in which psql adds one column to every tenant.
async fn by_hand(bench: &mut Bench, url: &str, message: Message) -> Duration {
    bench.add_column();
    let tenants = bench.schemas().map(|name| update(bench.schema, &name));
    let files = Files::write(psql::JOBS, message, tenants);
    let url = url.to_owned();
    let psql = tokio::task::spawn_blocking(move || files.run(&url));
    let (ended, duration) = time(psql).await;
    ended.unwrap();
    bench.record_versions().await;
    duration
}

fn update(schema: Tenant, name: &str) -> Vec<String> {
    let mut sql = vec!["BEGIN".to_owned(), format!("SET LOCAL search_path = {name}")];
    sql.extend(schema.last_sql());
    sql.push("COMMIT".to_owned());
    sql
}

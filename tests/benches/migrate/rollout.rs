//! A new column for every tenant, beside psql.

use std::time::Duration;

use sea_orm::ConnectOptions;
use tenant_migration::{Action, Executor, Outcome, Target};
use tests::median;

use crate::{
    fleet::Bench,
    psql::{self, Files, Message},
    report::{Report, Row},
    schema::Tenant,
    statements::{count, counted},
    time::time,
};

pub(crate) async fn measure(bench: &mut Bench, report: &mut Report) {
    eprintln!("a column for every tenant");
    let (mut ours, mut statements, mut tenants) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        bench.add_column();
        let up = migrate(bench.database.options(), bench.schema, bench.tenants);
        ours.push(time(up).await.1);
        statements.push(by_hand(bench, Message::Statement).await);
        tenants.push(by_hand(bench, Message::Tenant).await);
    }
    let (ours, statements, tenants) = (median(ours), median(statements), median(tenants));
    let row =
        |beside, other| Row::times(bench.tenants, "ADD COLUMN, 4 jobs", beside, ours, other).at_most(2.0);
    report.add(row("4 psql", statements));
    report.add(row("4 psql, a message for a tenant", tenants));
    count_messages(bench, report).await;
    bench.tidy().await;
}

async fn count_messages(bench: &mut Bench, report: &mut Report) {
    bench.add_column();
    let up = migrate(counted(bench.database.options()), bench.schema, bench.tenants);
    let ours = count(up).await / u64::from(bench.tenants);
    let by_hand = update(bench.schema, "").len() as u64;
    report.add(Row::counts(
        bench.tenants,
        "its messages for a tenant",
        "4 psql",
        ours,
        by_hand,
    ));
}

/// From connecting to the last tenant.
pub(crate) async fn migrate(options: ConnectOptions, schema: Tenant, tenants: u32) {
    let executor = Executor::connect(options, schema.migrations()).await.unwrap();
    let plan = executor.plan(&Target::All, Action::UP).await.unwrap();
    let report = executor.run(plan, &mut ()).await;
    executor.close().await.unwrap();
    let done = report
        .schemas()
        .iter()
        .filter(|schema| matches!(schema.outcome(), Outcome::Done(_)));
    assert_eq!(done.count(), tenants as usize, "{report:?}");
}

/// Of one more column.
async fn by_hand(bench: &mut Bench, message: Message) -> Duration {
    bench.add_column();
    let tenants = bench.schemas().map(|name| update(bench.schema, &name));
    let files = Files::write(psql::JOBS, message, tenants);
    let (_, duration) = time(async { files.run(bench.database.url()) }).await;
    bench.record_versions().await;
    duration
}

fn update(schema: Tenant, name: &str) -> Vec<String> {
    let mut sql = vec!["BEGIN".to_owned(), format!("SET LOCAL search_path = {name}")];
    sql.extend(schema.last_sql());
    sql.push("COMMIT".to_owned());
    sql
}

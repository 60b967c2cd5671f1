//! A new column for every tenant, beside psql.

use sea_orm::ConnectOptions;
use tenant_migration::{Action, Executor, Outcome, Target};

use crate::{
    fleet::Bench,
    psql::{self, Files},
    report::{Report, Row},
    schema::Tenant,
    statements::{count, counted},
    time::{median, time},
};

pub(crate) async fn measure(bench: &mut Bench, report: &mut Report) {
    eprintln!("a column for every tenant");
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        bench.add_column();
        let up = migrate(bench.database.options(), bench.schema, bench.tenants);
        ours.push(time(up).await.1);

        bench.add_column();
        let files = by_hand(bench);
        raw.push(time(async { files.run(bench.database.url()) }).await.1);
        bench.record_versions().await;
    }
    let (ours, raw) = (median(ours), median(raw));
    report.add(Row::times(bench.tenants, "ADD COLUMN, 4 jobs", "4 psql", ours, raw).at_most(2.0));

    bench.add_column();
    let up = migrate(counted(bench.database.options()), bench.schema, bench.tenants);
    let statements = count(up).await / u64::from(bench.tenants);
    let with_begin_and_commit = statements + 2;
    report.add(Row::counts(
        bench.tenants,
        "its messages for a tenant",
        "4 psql",
        with_begin_and_commit,
        1,
    ));
    bench.tidy().await;
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

fn by_hand(bench: &Bench) -> Files {
    let tenant = |schema: String| {
        let mut sql = vec!["BEGIN".to_owned(), format!("SET LOCAL search_path = {schema}")];
        sql.extend(bench.schema.last_sql());
        sql.push("COMMIT".to_owned());
        sql
    };
    Files::write(psql::JOBS, bench.schemas().map(tenant))
}

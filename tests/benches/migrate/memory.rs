//! Memory of a run for each tenant.

use std::{env, fs, process::Command};

use sea_orm::ConnectOptions;
use tenant_migration::{Action, Executor, Target};
use tests::median;

use crate::{
    bench::Bench,
    report::{Report, Row},
    schema::Tenant,
};

/// Peak memory of a process in KiB: of a run without pending migrations, and of one that adds a column.
pub(crate) struct Peak {
    tenants: u32,
    no_op: f64,
    column: f64,
}

/// Measures each run in a new process.
pub(crate) async fn measure(bench: &mut Bench) -> Peak {
    eprintln!("memory");
    let (mut no_op, mut column) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        no_op.push(in_a_process(bench));
        bench.add_column();
        column.push(in_a_process(bench));
    }
    bench.tidy().await;
    Peak {
        tenants: bench.tenants,
        no_op: f64::from(median(no_op)),
        column: f64::from(median(column)),
    }
}

fn in_a_process(bench: &Bench) -> u32 {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["memory", "--columns", &bench.schema.columns.to_string()]);
    let output = command
        .env("DATABASE_URL", bench.database.url())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// Migrates all tenants, and prints the peak memory of this process.
pub(crate) async fn measure_this_process(columns: u32) {
    let mut options = ConnectOptions::new(env::var("DATABASE_URL").unwrap());
    options.sqlx_logging(false);
    let migrations = Tenant { columns }.migrations();
    let executor = Executor::connect(options, migrations).await.unwrap();
    let plan = executor.plan(&Target::All, Action::UP).await.unwrap();
    let report = executor.run(plan, &mut ()).await;
    assert!(report.is_success(), "{report:?}");
    executor.close().await.unwrap();
    println!("{}", peak());
}

/// Returns the peak memory of this process in KiB: `VmHWM` of
/// <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>.
fn peak() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

/// Reports the peaks, and the growth for each tenant between the smallest and the largest number of tenants.
pub(crate) fn compare(peaks: &[Peak], report: &mut Report) {
    for peak in peaks {
        report.add(Row::memory(peak.tenants, "peak memory of the no-op", peak.no_op));
        report.add(Row::memory(
            peak.tenants,
            "peak memory of ADD COLUMN",
            peak.column,
        ));
    }
    let [first, .., last] = peaks else {
        return;
    };
    let growth = |from: f64, to: f64| (to - from) / f64::from(last.tenants - first.tenants);
    let no_op = growth(first.no_op, last.no_op);
    let column = growth(first.column, last.column);
    report.add(Row::memory(last.tenants, "more for each tenant, no-op", no_op).at_most(5.0));
    report.add(Row::memory(last.tenants, "more for each tenant, ADD COLUMN", column).at_most(5.0));
}

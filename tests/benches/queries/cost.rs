//! Costs of a way: processor time and memory, as Linux counts them. Zero for a server on another machine.

use std::{fs, time::Duration};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::way::WayName;

/// Linux reports processor time in ticks of this many to a second.
const TICKS_A_SECOND: u64 = 100;

/// The processes of the server that work for a way.
pub(crate) async fn backends(db: &DatabaseConnection, way: WayName) -> Vec<i32> {
    let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [way.to_string().into()]);
    let rows = db.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// This process, as Linux names it to itself.
pub(crate) const OWN_PROCESS: &[&str] = &["self"];

/// Processor time of processes.
pub(crate) fn processor_time(processes: &[impl ToString]) -> Duration {
    let ticks: u64 = processes
        .iter()
        .filter_map(|process| ticks(&process.to_string()))
        .sum();
    Duration::from_millis(ticks * 1000 / TICKS_A_SECOND)
}

fn ticks(process: &str) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the process may have spaces in it.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

/// Memory that processes share with no others, in MB.
pub(crate) fn memory(backends: &[i32]) -> f64 {
    let kilobytes: u64 = backends.iter().filter_map(|process| private(*process)).sum();
    f64::from(u32::try_from(kilobytes).unwrap_or(u32::MAX)) / 1024.0
}

fn private(process: i32) -> Option<u64> {
    let smaps = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let lines = smaps.lines().filter(|line| line.starts_with("Private_"));
    let sizes = lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    Some(sizes.sum())
}

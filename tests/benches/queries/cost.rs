//! Server processes of a variant, and their memory from `/proc`. Zero for a server on another machine.

use std::fs;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::variant::VariantName;

/// Returns the ids of the server processes of a variant's connections.
pub(crate) async fn backends(db: &DatabaseConnection, variant: VariantName) -> Vec<i32> {
    let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [variant.to_string().into()]);
    let rows = db.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// Returns the private memory of processes in MB.
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

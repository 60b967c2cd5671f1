//! Migrations and creations of tenants that are interrupted: the process is killed, or the connection is lost.

mod creation;
mod killed;
mod runs;

use std::time::{Duration, Instant};

use super::*;

/// Waits until the observer's session is the only one in this database. A session may outlive its client for a moment.
async fn wait_for_sessions_to_end(observer: &DatabaseConnection) {
    let sessions =
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND backend_type = 'client backend'";
    wait_until(async || count(observer, sessions).await == 0).await;
}

/// Waits until a query has rows.
async fn wait_for(observer: &DatabaseConnection, sql: &str) {
    wait_until(async || count(observer, sql).await > 0).await;
}

pub(super) async fn wait_until(is_so: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Connects with one session, which [`wait_for_sessions_to_end`] does not wait for.
async fn observe(db: &TestDatabase) -> DatabaseConnection {
    let mut options = db.options();
    options.max_connections(1);
    sea_orm::Database::connect(options).await.unwrap()
}

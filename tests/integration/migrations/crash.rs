//! Migrations and creations that do not come to their end: a process that is killed, a connection that is lost.

mod creation;
mod killed;
mod runs;

use std::time::{Duration, Instant};

use super::*;

/// Waits until no session but the observer's is in this database: one goes on for a moment after its client is gone.
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

/// A connection that is one session, so that it is no other one than the observer's.
async fn observe(db: &TestDatabase) -> DatabaseConnection {
    let mut options = db.options();
    options.max_connections(1);
    sea_orm::Database::connect(options).await.unwrap()
}

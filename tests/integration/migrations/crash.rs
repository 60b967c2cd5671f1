//! Migrations and creations that do not come to their end: a process that is killed, a connection that is lost.

mod killed;

use std::time::Duration;

use super::*;

/// Waits until no session but the observer's is in this database: one goes on for a moment after its client is gone.
async fn wait_for_sessions_to_end(observer: &DatabaseConnection) {
    let sql = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND backend_type = 'client backend'";
    for _ in 0..3_000 {
        if count(observer, sql).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("a session does not end");
}

/// A connection that is one session, so that it is no other one than the observer's.
async fn observe(db: &TestDatabase) -> DatabaseConnection {
    let mut options = db.options();
    options.max_connections(1);
    sea_orm::Database::connect(options).await.unwrap()
}

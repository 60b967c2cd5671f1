//! What putting sessions back costs.
//!
//! `scripts/with-postgres cargo bench -p tests --bench pool` runs the same query on two pools, one that puts back
//! sessions and one that trusts them, in turns, and prints the medians and their ratio: on pools of 8 with
//! one borrower, where nobody waits for the work, and on pools of 1, where the next borrower does.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and a panic is its report"
)]

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use tenant_core::Tenants;
use tests::TestDatabase;

const ROUNDS: usize = 2_000;

#[tokio::main]
async fn main() {
    let database = TestDatabase::create().await;
    database
        .execute("CREATE TABLE note AS SELECT n AS id, 'title' AS title FROM generate_series(1, 1000) n; ALTER TABLE note ADD PRIMARY KEY (id)")
        .await;
    println!(
        "{:<12} {:>12} {:>12} {:>8}",
        "connections", "trusted", "put back", "ratio"
    );
    for connections in [8, 1] {
        let mut options = database.options();
        options.max_connections(connections).min_connections(connections);
        let trusted = Tenants::builder().trust_returned_sessions();
        let trusted = trusted.connect(options.clone()).await.unwrap();
        let reset = Tenants::connect(options).await.unwrap();
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            without.push(time(trusted.shared_connection()).await);
            with.push(time(reset.shared_connection()).await);
        }
        report(connections, median(without), median(with));
        trusted.close().await.unwrap();
        reset.close().await.unwrap();
    }
}

/// Two queries, since the second one meets what the first one left to do.
async fn time(db: &DatabaseConnection) -> Duration {
    let start = Instant::now();
    for id in 1..=2 {
        let sql = "SELECT title FROM note WHERE id = $1";
        let read = Statement::from_sql_and_values(db.get_database_backend(), sql, [id.into()]);
        db.query_one_raw(read).await.unwrap();
    }
    start.elapsed() / 2
}

fn report(connections: u32, trusted: Duration, reset: Duration) {
    let ratio = reset.as_secs_f64() / trusted.as_secs_f64();
    println!("{connections:<12} {trusted:>12.2?} {reset:>12.2?} {ratio:>8.2}");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

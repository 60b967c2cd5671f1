//! Costs of a request and of a statement in the application's process, when all caches are full. Uses no database.
//!
//! `cargo bench -p tests --bench hot_path` prints nanoseconds a call: the median of interleaved rounds.
//! The targets: 300 ns for a statement, and twice the time of a `RwLock<HashMap>` for a host.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and a panic is its report"
)]

use std::{
    hint::black_box,
    sync::RwLock,
    thread,
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use sea_orm::{DatabaseBackend, MockDatabase};
use tenant_core::{Host, Scope, Tenants};
use tests::{Hosts, SELECT_WITH_JOIN, median};

const HOSTS: usize = 1_000;
const CALLS: usize = 200_000;
const ROUNDS: usize = 9;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let known = Hosts::numbered(HOSTS);
    let hosts: Vec<_> = known.0.keys().cloned().collect();
    let tenants = Tenants::builder()
        .table(Scope::Tenant, "note")
        .store(known.clone())
        .host_cache_ttl(Duration::from_secs(3600))
        .from_connection(MockDatabase::new(DatabaseBackend::Postgres).into_connection())
        .await
        .unwrap();
    let connection = tenants.connection(&known.0[&hosts[0]]);
    for host in &hosts {
        tenants.by_host(host).await.unwrap().unwrap();
    }
    let map = RwLock::new(known.0);

    let render = |_: &Host| drop(black_box(connection.render(SELECT_WITH_JOIN).unwrap()));
    let by_host = |host: &Host| drop(black_box(tenants.by_host(host).now_or_never().unwrap().unwrap()));
    let by_map = |host: &Host| drop(black_box(map.read().unwrap().get(host).cloned()));

    println!(
        "{:<10} {:>12} {:>12} {:>14} {:>8}",
        "threads", "statement", "by_host", "RwLock<Map>", "ratio"
    );
    let cores = thread::available_parallelism().unwrap().get();
    for threads in [1, cores] {
        let mut rounds = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            rounds[0].push(time(threads, &hosts, &render));
            rounds[1].push(time(threads, &hosts, &by_host));
            rounds[2].push(time(threads, &hosts, &by_map));
        }
        let [render, by_host, by_map] = rounds.map(median);
        println!(
            "{threads:<10} {render:>9.0} ns {by_host:>9.0} ns {by_map:>11.0} ns {:>8.2}",
            by_host / by_map
        );
    }
}

/// Returns the time of a call in nanoseconds, with this number of threads calling at the same time.
fn time(threads: usize, hosts: &[Host], call: &(dyn Fn(&Host) + Sync)) -> f64 {
    let begun = Instant::now();
    thread::scope(|scope| {
        for first in 0..threads {
            scope.spawn(move || {
                let hosts = hosts.iter().cycle().skip(first * 7);
                hosts.take(CALLS).for_each(call);
            });
        }
    });
    let calls = u32::try_from(CALLS).unwrap();
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
}

//! Resolution of requests: the cache beside a hash map, a cold host, a flood of unknown hosts, changes by another handle
//! with a cache of its own, and an outage of the database.
//!
//! `scripts/bench resolve` prints each figure with its bound, and fails if one is missed. The outage takes a minute:
//! `--without-outage` leaves it out.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "a benchmark prints, and a panic is its report"
)]

use std::{
    collections::HashMap,
    fs,
    hint::black_box,
    sync::RwLock,
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, future::join_all};
use http::Request;
use sea_orm::{ConnectOptions, DatabaseBackend, MockDatabase};
use tenant_core::{
    Host, Tenants,
    resolve::{ByHost, RequestHead, Resolver},
};
use tenant_migration::catalog;
use tests::{Hosts, Proxy, TestDatabase, median};

const TENANTS: usize = 1_000;
const CALLS: usize = 200_000;
const ROUNDS: usize = 9;
const FLOOD: usize = 1_000_000;

#[tokio::main]
async fn main() {
    let words: Vec<_> = std::env::args().collect();
    let mut bounds = Bounds::default();
    cached(&mut bounds).await;
    flood(&mut bounds).await;
    let database = database().await;
    stampede(&database, &mut bounds).await;
    changes(&database, &mut bounds).await;
    if !words.iter().any(|word| word == "--without-outage") {
        outage(&database, &mut bounds).await;
    }
    assert!(bounds.missed.is_empty(), "missed: {:?}", bounds.missed);
}

/// Prints figures and collects those that miss their bounds.
#[derive(Default)]
struct Bounds {
    missed: Vec<String>,
}

impl Bounds {
    fn at_most(&mut self, what: &str, figure: f64, bound: f64, unit: &str) {
        println!("{what:<70} {figure:>12.2} {unit:<4} (at most {bound})");
        if figure > bound {
            self.missed.push(what.to_owned());
        }
    }
}

/// The application's handle on tenants in memory.
async fn in_memory() -> (Tenants, Hosts) {
    let known = Hosts::numbered(TENANTS);
    let builder = Tenants::builder()
        .store(known.clone())
        .host_cache_ttl(Duration::from_secs(3600));
    let db = MockDatabase::new(DatabaseBackend::Postgres).into_connection();
    (builder.from_connection(db).await.unwrap(), known)
}

/// A host that is cached, beside a hash map, and the whole way from the head of a request to the tenant.
async fn cached(bounds: &mut Bounds) {
    let (tenants, known) = in_memory().await;
    let hosts: Vec<_> = known.0.keys().cloned().collect();
    for host in &hosts {
        tenants.by_host(host).await.unwrap().unwrap();
    }
    let requests: Vec<_> = hosts.iter().map(|host| parts(host.as_str())).collect();
    let resolver = Resolver::default();
    let expires = Instant::now() + Duration::from_secs(3600);
    let expiring = known.0.iter();
    let expiring: HashMap<_, _> = expiring
        .map(|(host, tenant)| (host.clone(), (tenant.clone(), expires)))
        .collect();
    let (map, expiring) = (RwLock::new(known.0), RwLock::new(expiring));
    let mut rounds = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        rounds[0].push(time(&hosts, |host| {
            drop(black_box(map.read().unwrap().get(host).cloned()));
        }));
        rounds[1].push(time(&hosts, |host| {
            let found = expiring.read().unwrap().get(host).cloned();
            drop(black_box(found.filter(|(_, expires)| Instant::now() < *expires)));
        }));
        rounds[2].push(time(&hosts, |host| {
            drop(black_box(tenants.by_host(host).now_or_never().unwrap().unwrap()));
        }));
        rounds[3].push(time(&requests, |request| {
            let key = resolver
                .resolve(&RequestHead::of_parts(request))
                .unwrap()
                .unwrap();
            drop(black_box(
                tenants.find(key.key()).now_or_never().unwrap().unwrap(),
            ));
        }));
    }
    let [by_map, by_expiring_map, by_host, by_request] = rounds.map(median);
    println!("{:<70} {by_map:>12.2} ns", "a host in a RwLock<HashMap>");
    println!(
        "{:<70} {by_expiring_map:>12.2} ns",
        "the same with a time to live, for which the clock is read"
    );
    bounds.at_most("a cached host", by_host, by_expiring_map * 2.0, "ns");
    bounds.at_most(
        "the head of a request to its cached tenant",
        by_request,
        1_000.0,
        "ns",
    );
}

fn parts(host: &str) -> http::request::Parts {
    let request = Request::get("/").header("host", host).body(()).unwrap();
    request.into_parts().0
}

/// Returns the time of a call in nanoseconds.
fn time<T>(values: &[T], call: impl Fn(&T)) -> f64 {
    let begun = Instant::now();
    values.iter().cycle().take(CALLS).for_each(call);
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(u32::try_from(CALLS).unwrap())
}

/// A million hosts that nobody has, outside of the base domains and below one, with a real tenant's host after each ten.
async fn flood(bounds: &mut Bounds) {
    let (tenants, known) = in_memory().await;
    let hosts: Vec<_> = known.0.keys().cloned().collect();
    let resolver = Resolver::new(ByHost::within(["example.com"]).unwrap());
    for host in &hosts {
        tenants.by_host(host).await.unwrap();
    }
    for (place, within) in [
        ("outside of the base domains", false),
        ("below a base domain", true),
    ] {
        let (before, memory) = (tenants.cache_status(), memory());
        let mut missed = 0;
        for number in 0..FLOOD {
            let name = format!(
                "{:016x}.{}",
                fastrand::u64(..),
                if within { "example.com" } else { "evil.test" }
            );
            if let Some(key) = resolver.resolve(&RequestHead::of_parts(&parts(&name))).unwrap() {
                assert_eq!(tenants.find(key.key()).await.unwrap(), None);
            }
            if number % 10 == 0 {
                let misses = tenants.cache_status().misses;
                tenants
                    .by_host(&hosts[number / 10 % TENANTS])
                    .await
                    .unwrap()
                    .unwrap();
                missed += tenants.cache_status().misses - misses;
            }
        }
        let loads = tenants.cache_status().loads - before.loads;
        let missed = missed as f64 / (FLOOD / 10) as f64 * 100.0;
        let grown = (self::memory() - memory) as f64 / 1024.0 / 1024.0;
        let most = if within { FLOOD as f64 } else { 0.0 };
        bounds.at_most(
            &format!("look-ups for {FLOOD} unknown hosts {place}"),
            loads as f64,
            most,
            "",
        );
        bounds.at_most(
            "  requests of real tenants that missed the cache meanwhile",
            missed,
            1.0,
            "%",
        );
        bounds.at_most("  growth of memory", grown, 10.0, "MiB");
    }
}

/// Resident memory of this process in bytes.
fn memory() -> i64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    let resident: i64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
    resident * 4096
}

/// A database with the catalog, and tenants without schemas.
async fn database() -> TestDatabase {
    let database = TestDatabase::create().await;
    let db = database.connect().await;
    let manager = sea_orm_migration::SchemaManager::new(&db);
    for migration in catalog::migrations() {
        migration.up(&manager).await.unwrap();
    }
    db.close().await.unwrap();
    database
        .execute(&format!(
            "INSERT INTO tenants (schema_name, name, status) SELECT 't' || n, 'T', 'active' FROM generate_series(1, {TENANTS}) n;
             INSERT INTO domains (tenant_id, domain, is_primary) SELECT id, schema_name || '.example.com', true FROM tenants"
        ))
        .await;
    database
}

/// Ten thousand tasks that ask for one host at once.
async fn stampede(database: &TestDatabase, bounds: &mut Bounds) {
    // Without the listener, which drops everything once it is connected.
    let builder = Tenants::builder().without_listener();
    let tenants = builder.connect(database.options()).await.unwrap();
    let host = Host::parse("t1.example.com").unwrap();
    let tasks = (0..10_000).map(|_| {
        let (tenants, host) = (tenants.clone(), host.clone());
        tokio::spawn(async move { tenants.by_host(&host).await.unwrap().unwrap() })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    let loads = tenants.cache_status().loads;
    bounds.at_most("look-ups for 10,000 tasks on a cold host", loads as f64, 1.0, "");
    tenants.close().await.unwrap();
}

/// Suspensions by one handle, as another one with a cache of its own sees them.
async fn changes(database: &TestDatabase, bounds: &mut Bounds) {
    let host = Host::parse("t2.example.com").unwrap();
    let ttl = Duration::from_secs(3);
    for (way, builder, most, rounds) in [
        ("with the listener", Tenants::builder(), 1.0, 20),
        (
            "without it, with a time to live of 3 s",
            Tenants::builder().host_cache_ttl(ttl).without_listener(),
            3.1,
            3,
        ),
    ] {
        let tenants = builder.connect(database.options()).await.unwrap();
        let has_listener = most == 1.0;
        while has_listener && !tenants.cache_status().is_listening {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut longest = Duration::ZERO;
        for round in 0..rounds {
            let word = if round % 2 == 0 { "suspended" } else { "active" };
            tenants.by_host(&host).await.unwrap().unwrap();
            let sql = format!("UPDATE tenants SET status = '{word}' WHERE schema_name = 't2'");
            database.execute(&sql).await;
            let begun = Instant::now();
            while tenants.by_host(&host).await.unwrap().unwrap().status().as_str() != word {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            longest = longest.max(begun.elapsed());
        }
        bounds.at_most(
            &format!("a change seen by another process {way}"),
            longest.as_secs_f64(),
            most,
            "s",
        );
        tenants.close().await.unwrap();
    }
}

/// A minute without the database.
async fn outage(database: &TestDatabase, bounds: &mut Bounds) {
    let proxy = Proxy::start(database.url()).await;
    let mut options = ConnectOptions::new(proxy.url());
    options.max_connections(4).sqlx_logging(false);
    let tenants = Tenants::builder().connect(options).await.unwrap();
    let hosts: Vec<_> = (1..=100)
        .map(|n| Host::parse(&format!("t{n}.example.com")).unwrap())
        .collect();
    for host in &hosts {
        tenants.by_host(host).await.unwrap().unwrap();
    }
    drop(proxy);
    let (begun, mut failed, mut longest) = (Instant::now(), 0, Duration::ZERO);
    while begun.elapsed() < Duration::from_secs(60) {
        // At once, as requests come: the first one of a host waits for its look-up.
        let ask = async |host| {
            let asked = Instant::now();
            (tenants.by_host(host).await.is_err(), asked.elapsed())
        };
        for (is_failed, took) in join_all(hosts.iter().map(ask)).await {
            failed += u32::from(is_failed);
            longest = longest.max(took);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bounds.at_most(
        "requests of cached tenants that failed in an outage of 60 s",
        f64::from(failed),
        0.0,
        "",
    );
    // Of a tenant whose time to live is over, while the database does not answer.
    bounds.at_most("  longest request", longest.as_secs_f64(), 1.5, "s");
}

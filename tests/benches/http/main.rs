//! Requests to axum and actix-web over HTTP: with and without the layer, with and without a query, for one host and for
//! many.
//!
//! `scripts/bench http` runs this benchmark. It prints medians, and ratios to the same handler without the layer and to
//! one host, in the same round. The clients run on the same processors.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints, and a panic is its report"
)]

mod client;
mod server;

use std::{
    fmt,
    time::{Duration, Instant},
};

use clap::Parser;
use sea_orm::ConnectionTrait;
use tenant_core::{Scope, Tenants};
use tests::{Hosts, OWN_PROCESS, TestDatabase, median, processor_time};

use client::Client;
use server::{Framework, Server};

#[derive(Debug, Parser)]
struct Args {
    /// Number of hosts, each of one tenant.
    #[arg(long, default_value_t = 1_000)]
    hosts: usize,
    /// Number of client connections.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Number of rounds. Each round measures each variant once.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Duration of a measurement in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    turn: u64,
    /// Argument that cargo passes to a benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Variant of the benchmark: a kind of server and a kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Variant {
    framework: Framework,
    has_layer: bool,
    has_query: bool,
    hosts: usize,
}

impl Variant {
    fn without_layer(self) -> Self {
        Self {
            has_layer: false,
            hosts: 1,
            ..self
        }
    }

    fn for_one_host(self) -> Self {
        Self { hosts: 1, ..self }
    }

    fn path(self) -> &'static str {
        match (self.has_layer, self.has_query) {
            (false, false) => "/alone/hello",
            (false, true) => "/alone/note",
            (true, false) => "/tenant/hello",
            (true, true) => "/tenant/note",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |is: bool| if is { "yes" } else { "no" };
        write!(
            f,
            "{:<10} {:>6} {:>6} {:>6}",
            self.framework.to_string(),
            yes(self.has_query),
            yes(self.has_layer),
            self.hosts
        )
    }
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let database = TestDatabase::create().await;
    create_schemas(&database, args.hosts).await;
    let tenants = connect(&database, args.hosts).await;
    let servers = Framework::ALL.map(|framework| Server::start(framework, &tenants));
    let variants = variants(args.hosts);
    let mut turns = vec![Vec::new(); variants.len()];
    for round in 0..=args.rounds as usize {
        for position in 0..variants.len() {
            let number = (round + position) % variants.len();
            let variant = variants[number];
            let server = servers
                .iter()
                .find(|server| server.framework == variant.framework);
            let turn = Turn::take(&args, variant, server.expect("a server")).await;
            // The first round fills the caches.
            if round > 0 {
                turns[number].push(turn);
            }
        }
    }
    report(&variants, &turns);
    tenants.close().await.unwrap();
}

fn variants(hosts: usize) -> Vec<Variant> {
    let mut variants = Vec::new();
    for framework in Framework::ALL {
        for has_query in [false, true] {
            for (has_layer, hosts) in [(false, 1), (true, 1), (true, hosts)] {
                variants.push(Variant {
                    framework,
                    has_layer,
                    has_query,
                    hosts,
                });
            }
        }
    }
    variants
}

async fn create_schemas(database: &TestDatabase, tenants: usize) {
    let db = database.connect().await;
    for number in 0..tenants {
        let sql = format!(
            "CREATE SCHEMA tenant_{number}; CREATE TABLE tenant_{number}.note (id int PRIMARY KEY, title text NOT NULL);
             INSERT INTO tenant_{number}.note VALUES (1, 'title')"
        );
        db.execute_unprepared(&sql).await.unwrap();
    }
    db.execute_unprepared("VACUUM ANALYZE").await.unwrap();
    db.close().await.unwrap();
}

async fn connect(database: &TestDatabase, hosts: usize) -> Tenants {
    Tenants::builder()
        .table(Scope::Tenant, "note")
        .store(Hosts::numbered(hosts))
        .host_cache_ttl(Duration::from_secs(3600))
        .connect(database.options())
        .await
        .unwrap()
}

/// One measurement of a variant.
#[derive(Debug, Clone, Copy)]
struct Turn {
    requests_a_second: f64,
    /// Processor time a request in microseconds, of this process: the server's and the clients'.
    processor_time: f64,
}

impl Turn {
    async fn take(args: &Args, variant: Variant, server: &Server) -> Self {
        let (begun, before) = (Instant::now(), processor_time(OWN_PROCESS));
        let end = begun + Duration::from_millis(args.turn);
        let clients = (0..args.clients).map(|first| {
            let address = server.address;
            tokio::spawn(async move {
                let mut client = Client::connect(address).await;
                let mut answered = 0_u32;
                let mut host = first;
                while Instant::now() < end {
                    client.get(variant.path(), host % variant.hosts).await;
                    answered += 1;
                    host += 1;
                }
                answered
            })
        });
        let clients: Vec<_> = clients.collect();
        let mut answered = 0;
        for client in clients {
            answered += client.await.unwrap();
        }
        let answered = f64::from(answered);
        Self {
            requests_a_second: answered / begun.elapsed().as_secs_f64(),
            processor_time: (processor_time(OWN_PROCESS) - before).as_secs_f64() * 1e6 / answered,
        }
    }
}

fn report(variants: &[Variant], turns: &[Vec<Turn>]) {
    println!(
        "{:<10} {:>6} {:>6} {:>6} {:>10} {:>14} {:>9} {:>8} {:>14}",
        "framework",
        "query",
        "layer",
        "hosts",
        "a second",
        "without layer",
        "one host",
        "cpu us",
        "without layer"
    );
    for (variant, of_variant) in variants.iter().zip(turns) {
        let ratio = |other: Variant, value: fn(&Turn) -> f64| {
            let base = variants.iter().position(|variant| *variant == other);
            let base = &turns[base.expect("a variant that was measured")];
            median(
                of_variant
                    .iter()
                    .zip(base)
                    .map(|(turn, base)| value(turn) / value(base)),
            )
        };
        let rate = |turn: &Turn| turn.requests_a_second;
        let cost = |turn: &Turn| turn.processor_time;
        println!(
            "{variant} {:>10.0} {:>14.3} {:>9.3} {:>8.1} {:>14.3}",
            median(of_variant.iter().map(rate)),
            ratio(variant.without_layer(), rate),
            ratio(variant.for_one_host(), rate),
            median(of_variant.iter().map(cost)),
            ratio(variant.without_layer(), cost)
        );
    }
}

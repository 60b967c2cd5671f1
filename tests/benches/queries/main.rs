//! Statements of many tenants, in five variants, in turns, on one server.
//!
//! `scripts/bench queries` runs this benchmark. It prints the medians as ratios to plain SeaORM in the same round, and
//! writes them to `bench/queries.json` in the target directory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints, and a panic is its report"
)]

mod cost;
mod distribution;
mod report;
mod round;
mod scale;
mod schema;
mod shape;
mod variant;

use std::time::Duration;

use clap::{Parser, Subcommand};
use tests::{
    TestDatabase,
    relay::{self, Relay},
};

use distribution::Distribution;
use report::Report;
use round::{Measurement, Run};
use scale::ScaleArgs;
use shape::Case;
use variant::{Variant, VariantName};

#[derive(Debug, Parser)]
struct Args {
    /// Number of tenants.
    #[arg(long, default_value_t = 1_000)]
    tenants: u32,
    /// Number of connections of each variant.
    #[arg(long, default_value_t = 8)]
    connections: u32,
    /// Number of tasks that send statements. Default: 16, and 64 with a delay.
    #[arg(long)]
    tasks: Option<usize>,
    /// Number of rounds. Each round measures each variant once.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Duration of a measurement in milliseconds.
    #[arg(long, default_value_t = 1_500)]
    turn: u64,
    /// Cases: a read by primary key, and a mix of ten statements.
    #[arg(long, value_delimiter = ',', default_values_t = [Case::Key, Case::Mix])]
    cases: Vec<Case>,
    /// Distributions of the statements over the tenants.
    #[arg(long, value_delimiter = ',', default_values_t = [Distribution::Zipf, Distribution::Uniform])]
    distributions: Vec<Distribution>,
    /// Delays of a round trip in milliseconds.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 1])]
    delays: Vec<u64>,
    /// Variants. Plain SeaORM is always measured.
    #[arg(long, value_delimiter = ',', default_values_t = VariantName::ALL)]
    variants: Vec<VariantName>,
    /// Capacity of the library's statement cache, for each connection.
    #[arg(long)]
    statements: Option<usize>,
    /// Argument that cargo passes to a benchmark.
    #[arg(long, hide = true, global = true)]
    bench: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures growing numbers of tenants.
    Scale(ScaleArgs),
    /// Relays connections to a server and delays each answer. Runs as a separate process, whose work is not measured.
    #[command(hide = true)]
    Relay {
        /// Address of the server.
        server: String,
        /// Delay in milliseconds.
        delay: u64,
    },
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    match &args.command {
        Some(Command::Relay { server, delay }) => {
            return relay::serve(server.clone(), Duration::from_millis(*delay)).await;
        }
        Some(Command::Scale(scale)) => return scale::measure(scale).await,
        None => {}
    }
    let database = TestDatabase::create().await;
    schema::create(&database, args.tenants).await;
    let mut report = Report::new();
    for &delay in &args.delays {
        let relay = Relay::start(database.url(), delay).await;
        for &case in &args.cases {
            for &distribution in &args.distributions {
                let run = Run {
                    case,
                    distribution,
                    delay,
                    tasks: args.tasks.unwrap_or(if delay == 0 { 16 } else { 64 }),
                    tenants: args.tenants,
                    turn: Duration::from_millis(args.turn),
                };
                let measured = measure(&args, &database, relay.url(), &run).await;
                report.add(&run, &measured);
            }
        }
    }
    report.write();
}

/// Measures all variants, each with its own connections.
async fn measure(args: &Args, database: &TestDatabase, url: &str, run: &Run) -> Vec<Measurement> {
    let mut variants = Vec::new();
    for &name in VariantName::ALL
        .iter()
        .filter(|name| **name == VariantName::Plain || args.variants.contains(name))
    {
        variants.push(Variant::connect(name, url, args.connections, args.statements).await);
    }
    run.measure(variants, args.rounds, database).await
}

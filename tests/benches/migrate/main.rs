//! The cost of migrating and creating tenants, relative to plain SQL that psql runs.
//!
//! `scripts/bench migrate` and `scripts/bench lifecycle` run this benchmark. `migrate`: For 100 and for 1,000 tenants it does the same work with the library and
//! without, in turns, on the same server. It prints the medians and their ratio, and writes them to `bench/migrate.json`
//! in the target directory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints, and a panic is its report"
)]

mod bench;
mod creation;
mod lifecycle;
mod memory;
mod no_op;
mod psql;
mod report;
mod rollout;
mod schema;
mod statements;
mod time;

use std::time::Duration;

use clap::{Parser, Subcommand};
use tests::relay;

use bench::Bench;
use lifecycle::LifecycleArgs;
use report::Report;

#[derive(Debug, Parser)]
struct Args {
    /// Numbers of tenants. Each is measured in its own database.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000])]
    tenants: Vec<u32>,
    /// Number of rounds. Each round measures each variant once.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Argument that cargo passes to a benchmark.
    #[arg(long, hide = true, global = true)]
    bench: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Migrates the tenants of `DATABASE_URL`, and prints the peak memory of the process in KiB.
    #[command(hide = true)]
    Memory {
        /// Number of migrations that each add a column.
        #[arg(long)]
        columns: u32,
    },
    /// Measures operations on one tenant beside few and many others.
    Lifecycle(LifecycleArgs),
    /// Relays connections to a server and delays each answer. See [`tests::relay`].
    #[command(hide = true)]
    Relay { server: String, delay: u64 },
}

#[tokio::main]
async fn main() {
    let mut args = Args::parse();
    match args.command {
        Some(Command::Memory { columns }) => return memory::measure_this_process(columns).await,
        Some(Command::Lifecycle(args)) => return lifecycle::measure(&args).await,
        Some(Command::Relay { server, delay }) => {
            return relay::serve(server, Duration::from_millis(delay)).await;
        }
        None => {}
    }
    args.tenants.sort_unstable();
    let mut report = Report::default();
    let mut peaks = Vec::new();
    for tenants in args.tenants {
        let mut bench = Bench::start(tenants, args.rounds).await;
        report.describe(&bench).await;
        no_op::measure(&bench, &mut report).await;
        rollout::measure(&mut bench, &mut report).await;
        peaks.push(memory::measure(&mut bench).await);
        creation::measure(&bench, &mut report).await;
    }
    memory::compare(&peaks, &mut report);
    report.finish();
}

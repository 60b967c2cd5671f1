//! What migrating and making tenants costs beside doing the same by hand.
//!
//! `scripts/bench migrate` and `scripts/bench lifecycle` run it. For fleets of 100 and of 1,000 tenants it does the same in two ways, in turns, on the
//! same server, and prints the medians and their ratio. It writes them to `bench/migrate.json` in the target directory,
//! too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints, and a panic is its report"
)]

mod creation;
mod fleet;
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

use fleet::Bench;
use lifecycle::LifecycleArgs;
use report::Report;

#[derive(Debug, Parser)]
struct Args {
    /// How many tenants the fleets have.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000])]
    tenants: Vec<u32>,
    /// How often each way is taken.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The argument that cargo gives to a benchmark.
    #[arg(long, hide = true, global = true)]
    bench: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Migrates the fleet of `DATABASE_URL` and prints how much memory the process had at its peak, in KiB.
    #[command(hide = true)]
    Memory {
        /// How many columns the last migrations add.
        #[arg(long)]
        columns: u32,
    },
    /// Measures what is done to one tenant, beside many others.
    Lifecycle(LifecycleArgs),
    /// Carries connections to a server and delays each answer. See [`tests::relay`].
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

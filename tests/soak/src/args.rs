//! [`Args`]: the command line.

use std::time::Duration;

use clap::Parser;

use crate::faults::Fault;

/// Runs, drops and breaks operations of many tenants at once, and reports every row that is not its tenant's.
///
/// Exit code 0: nothing was wrong. 1: a violation was found. 2: misuse.
#[derive(Debug, Clone, Parser)]
#[command(name = "soak")]
pub(crate) struct Args {
    /// Number of tenants at any time.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=5000))]
    pub(crate) tenants: u32,

    /// Number of operations.
    #[arg(long, default_value_t = 20_000)]
    pub(crate) ops: u64,

    /// Percentage of operations that are dropped at a random poll.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) cancel_percent: u8,

    /// Seed of all decisions. The same seed makes the same decisions, as far as scheduling allows.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// Number of seconds after which it stops, even if operations remain. Default: no limit.
    #[arg(long)]
    pub(crate) seconds: Option<u64>,

    /// Breaks the library in this way, and stops at the first violation.
    #[arg(long, value_name = "NAME", value_parser = Fault::find, conflicts_with_all = ["prove", "list_faults"])]
    pub(crate) fault: Option<&'static Fault>,

    /// Breaks the library in these ways, one after the other, and tells which are found. Default: in every known way.
    #[arg(long, value_name = "NAME", num_args = 0.., value_parser = Fault::find, conflicts_with = "list_faults")]
    pub(crate) prove: Option<Vec<&'static Fault>>,

    /// Lists the ways to break the library.
    #[arg(long)]
    pub(crate) list_faults: bool,
}

impl Args {
    pub(crate) fn time(&self) -> Option<Duration> {
        self.seconds.map(Duration::from_secs)
    }

    pub(crate) fn stops_at_first_violation(&self) -> bool {
        self.fault.is_some()
    }
}

//! Processor time, as Linux counts it.

use std::{fs, time::Duration};

/// Linux reports processor time in ticks of this many to a second.
const TICKS_A_SECOND: u64 = 100;

/// This process, as Linux names it to itself.
pub const OWN_PROCESS: &[&str] = &["self"];

/// Processor time of processes. Zero for those that are not there.
#[must_use]
pub fn processor_time(processes: &[impl ToString]) -> Duration {
    let ticks: u64 = processes
        .iter()
        .filter_map(|process| ticks(&process.to_string()))
        .sum();
    Duration::from_millis(ticks * 1000 / TICKS_A_SECOND)
}

fn ticks(process: &str) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the process may have spaces in it.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

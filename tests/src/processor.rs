//! Processor time, as Linux counts it.

use std::{fs, time::Duration};

/// Ticks a second, in which Linux reports processor time.
const TICKS_A_SECOND: u64 = 100;

/// The current process's name below `/proc`.
pub const OWN_PROCESS: &[&str] = &["self"];

/// Returns the processor time of processes in total. A process that does not exist counts as zero.
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
    // The process's name, in parentheses, may contain spaces.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

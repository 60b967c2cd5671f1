//! [`Report`]: results as a table and as a file.

use std::{env, fs, path::PathBuf};

use serde_json::{Value, json};

use crate::round::{Measurement, Run};

/// Lines of the table.
pub(crate) struct Report {
    lines: Vec<Value>,
}

impl Report {
    pub(crate) fn new() -> Self {
        println!(
            "{:<4} {:>7} {:<8} {:>5} {:>5} {:<13} {:>9} {:>6} {:>8} {:>9} {:>6} {:>8} {:>8} {:>7} {:>6}",
            "case",
            "tenants",
            "dist",
            "delay",
            "tasks",
            "variant",
            "a second",
            "ratio",
            "cpu us",
            "server us",
            "cpu",
            "p50 us",
            "p99 us",
            "MB",
            "trips"
        );
        Self { lines: Vec::new() }
    }

    pub(crate) fn add(&mut self, run: &Run, measured: &[Measurement]) {
        for measurement in measured {
            println!(
                "{:<4} {:>7} {:<8} {:>5} {:>5} {:<13} {:>9.0} {:>6.2} {:>8.0} {:>9.0} {:>6.2} {:>8.0} {:>8.0} {:>7.1} {:>6.2}",
                run.case.to_string(),
                run.tenants,
                run.distribution.to_string(),
                run.delay,
                run.tasks,
                measurement.variant.to_string(),
                measurement.statements_a_second,
                measurement.ratio,
                measurement.processor_time,
                measurement.server_time,
                measurement.cpu_ratio,
                measurement.p50,
                measurement.p99,
                measurement.memory,
                measurement.round_trips
            );
            self.lines.push(json!({
                "case": run.case.to_string(),
                "tenants": run.tenants,
                "dist": run.distribution.to_string(),
                "delay_ms": run.delay,
                "tasks": run.tasks,
                "variant": measurement.variant.to_string(),
                "ratio": measurement.ratio,
                "cpu_ratio": measurement.cpu_ratio,
                "p50_us": measurement.p50,
                "p99_us": measurement.p99,
                "memory_mb": measurement.memory,
                "round_trips": measurement.round_trips,
            }));
        }
    }

    /// Writes all lines to a file.
    pub(crate) fn write(&self) {
        let path = directory().join("queries.json");
        fs::create_dir_all(directory()).unwrap();
        fs::write(&path, serde_json::to_string_pretty(&self.lines).unwrap()).unwrap();
        println!("written to {}", path.display());
    }
}

/// Returns the directory `bench` in cargo's target directory. The program is in `release/deps` of the target directory.
fn directory() -> PathBuf {
    let program = env::current_exe().unwrap();
    program.ancestors().nth(3).unwrap().join("bench")
}

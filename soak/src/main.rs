//! Many tasks work for many tenants at once, while futures are dropped, connections break, and tenants are created,
//! suspended, migrated and deleted. Every row carries its tenant's watermark and the number of the operation that
//! wrote it, so that each answer can be judged: a row of another tenant, an acknowledged write that is not there, a
//! write that was rolled back and is there, an error that should not be or the lack of one that should.
//!
//! `scripts/soak` runs it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports")]

mod args;
mod cancel;
mod entities;
mod faults;
mod final_check;
mod fleet;
mod history;
mod job;
mod lifecycle;
mod migrations;
mod random;
mod report;
mod requests;
mod sheet;
mod soak;
mod tally;
mod task;
mod verbs;
mod wrong;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    if args.plant.is_some() || args.prove || args.list_plants {
        eprintln!("soak: there are no plants yet");
        return ExitCode::from(2);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("soak: no runtime: {error}");
            return ExitCode::from(3);
        }
    };
    match runtime.block_on(soak::run(&args)) {
        Ok(report) => {
            print!("{report}");
            if report.is_clean() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("soak: it could not run: {error}");
            ExitCode::from(3)
        }
    }
}

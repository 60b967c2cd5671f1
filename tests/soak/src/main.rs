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
#[cfg(all(feature = "plants", debug_assertions))]
mod plants;
#[cfg(all(feature = "plants", debug_assertions))]
mod prove;
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

use crate::{args::Args, fleet::AnyError};

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    runtime
        .block_on(run(&args))
        .unwrap_or_else(|error| failed(&error))
}

fn failed(error: &AnyError) -> ExitCode {
    eprintln!("soak: it could not run: {error}");
    ExitCode::from(3)
}

#[cfg(all(feature = "plants", debug_assertions))]
async fn run(args: &Args) -> Result<ExitCode, AnyError> {
    if args.list_plants {
        for scenario in plants::SCENARIOS {
            println!("{:25} {}", scenario.name, scenario.breaks);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if args.prove {
        let proof = prove::prove(args).await?;
        print!("{proof}");
        return Ok(exit_code(proof.holds()));
    }
    if let Some(name) = &args.plant {
        let Some(scenario) = plants::Scenario::find(name) else {
            eprintln!("soak: there is no plant {name:?}: see --list-plants");
            return Ok(ExitCode::from(2));
        };
        scenario.plant();
    }
    soak(args).await
}

#[cfg(not(all(feature = "plants", debug_assertions)))]
async fn run(args: &Args) -> Result<ExitCode, AnyError> {
    if args.list_plants || args.prove || args.plant.is_some() {
        eprintln!("soak: there are no plants in this build: leave --release out");
        return Ok(ExitCode::from(2));
    }
    soak(args).await
}

async fn soak(args: &Args) -> Result<ExitCode, AnyError> {
    let report = soak::run(args).await?;
    print!("{report}");
    Ok(exit_code(report.is_clean()))
}

fn exit_code(is_right: bool) -> ExitCode {
    if is_right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

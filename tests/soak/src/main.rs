//! Many tasks work for many tenants at once, while futures are dropped, connections break, and tenants are created,
//! suspended, migrated and deleted. Every row carries its tenant's watermark and the number of the operation that
//! wrote it, so that each answer can be judged: a row of another tenant, an acknowledged write that is not there, a
//! write that was rolled back and is there, an error that should not be or the lack of one that should.
//!
//! `scripts/soak` runs it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports")]

mod args;
mod arm;
mod cancel;
mod context;
mod entities;
mod faults;
mod final_check;
mod history;
mod lifecycle;
mod migrations;
mod model;
mod network;
mod operations;
mod outcome;
mod prove;
mod random;
mod report;
mod requests;
mod soak;
mod stats;
mod task;
mod tenants;

use std::process::ExitCode;

use clap::Parser;

use crate::{args::Args, faults::FAULTS, tenants::AnyError};

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

async fn run(args: &Args) -> Result<ExitCode, AnyError> {
    if args.list_faults {
        for fault in FAULTS {
            println!("{:25} {}", fault.name, fault.breaks);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !arm::HAS_FAULTS && (args.fault.is_some() || args.prove.is_some()) {
        eprintln!("soak: this library has no faults to arm: scripts/soak makes a copy that has them");
        return Ok(ExitCode::from(2));
    }
    if let Some(faults) = &args.prove {
        let proof = prove::prove(args, faults).await?;
        print!("{proof}");
        return Ok(exit_code(proof.holds()));
    }
    if let Some(fault) = args.fault {
        fault.arm();
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

//! `sea-orm-cli migrate` as a program, so that each test can set its environment. SeaORM's library parses the arguments
//! and runs the command.

#![allow(clippy::exit, reason = "a program says how it ended by its exit code")]

use clap::Parser as _;
use sea_orm_cli::{Cli, Commands, run_migrate_command};

fn main() {
    let cli = Cli::parse();
    let done = match cli.command {
        Commands::Migrate {
            migration_dir,
            database_schema,
            database_url,
            command,
        } => run_migrate_command(
            command,
            &migration_dir,
            database_schema,
            database_url,
            cli.verbose,
        ),
        _ => Err("this is `sea-orm-cli migrate` alone".into()),
    };
    if done.is_err() {
        std::process::exit(1);
    }
}

//! The command line of the program `tenant-migration`, which needs no migrations.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sea_orm_migration::{MigrationTrait, MigratorTrait};

use crate::{
    cli::{Args, Command, generate::GenerateArgs, init::InitArgs, run_args},
    define::{Migrations, catalog},
};

/// Writes new applications, migrations and entities
///
/// All other commands need the migrations of the application: `cargo run --bin migration -- --help` shows them.
#[derive(Debug, Parser)]
#[command(name = "tenant-migration", version)]
struct StarterArgs {
    /// The tenant's schema, or `public`, which is the shared schema
    #[arg(
        short = 's',
        long,
        global = true,
        env = "DATABASE_SCHEMA",
        value_name = "SCHEMA"
    )]
    database_schema: Option<String>,

    /// The database's URL, such as `postgres://user:password@localhost/app`
    #[arg(
        short = 'u',
        long,
        global = true,
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    database_url: Option<String>,

    #[command(subcommand)]
    command: StarterCommand,
}

#[derive(Debug, Subcommand)]
enum StarterCommand {
    /// Write a new application: entities, migrations and, with --axum or --actix, a web application
    #[command(after_long_help = super::init::EXAMPLES)]
    Init(InitArgs),
    /// Write an empty migration, and add it to the list in `mod.rs`. Or write entities of existing tables
    #[command(after_long_help = super::generate::EXAMPLES)]
    Generate(GenerateArgs),
}

/// Runs the program `tenant-migration`: `init` and `generate`, which need no migrations. A migration crate calls
/// [`run_cli`](super::run_cli) instead, which has all commands.
pub async fn run_starter() -> ExitCode {
    super::load_env_file();
    let args = StarterArgs::parse();
    let command = match args.command {
        StarterCommand::Init(args) => Command::Init(args),
        StarterCommand::Generate(args) => Command::Generate(args),
    };
    let args = Args {
        verbose: false,
        database_schema: args.database_schema,
        database_url: args.database_url,
        command: Some(command),
    };
    run_args(Migrations::new(Catalog, NoMigrations), args).await
}

struct Catalog;

impl MigratorTrait for Catalog {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        catalog::migrations()
    }
}

struct NoMigrations;

impl MigratorTrait for NoMigrations {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Vec::new()
    }
}

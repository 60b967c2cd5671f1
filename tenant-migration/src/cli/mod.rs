//! The command line of a migration crate. `sea-orm-cli migrate` runs it too.
//!
//! It has the subcommands and flags of `sea-orm-migration`'s command line, and adds `audit`, `completions` and `tenant`.
//! Without `-s` (`DATABASE_SCHEMA`) it works on the shared schema and then on every tenant. `-s public` is the shared schema
//! alone, `-s acme` the tenant of that schema.
//!
//! # Example
//! The complete `main.rs` of a migration crate whose library has the function `migrations`:
//! ```no_run
//! # mod migration {
//! #     pub fn migrations() -> tenant_migration::Migrations { unimplemented!() }
//! # }
//! use std::process::ExitCode;
//!
//! #[tokio::main]
//! async fn main() -> ExitCode {
//!     tenant_migration::cli::run_cli(migration::migrations()).await
//! }
//! ```

mod args;
mod audit;
mod completions;
mod confirm;
mod entities;
mod error;
mod generate;
mod init;
mod json;
mod linked_entities;
mod migrate;
mod output;
mod progress;
mod starter;
mod target;
mod tenant;

use std::{
    io::{ErrorKind, IsTerminal as _, Write, stderr, stdin, stdout},
    process::ExitCode,
};

use clap::Parser as _;
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr};
use tenant_core::{ConnectError, Tenants};
use tracing_subscriber::EnvFilter;

use crate::{
    cli::{
        args::{Command, RunArgs},
        generate::GenerateCommand,
    },
    database::{SessionError, require_sessions},
    define::Migrations,
};

pub use args::Args;
pub use error::CliError;
pub use starter::run_starter;

/// Reads `.env` and the arguments of the process, and runs the command. Results go to the standard output, errors and logs
/// to the standard error.
///
/// Unlike [`run`], it installs the global subscriber of `tracing`.
pub async fn run_cli(migrations: Migrations) -> ExitCode {
    load_env_file();
    run_args(migrations, Args::parse()).await
}

async fn run_args(migrations: Migrations, args: Args) -> ExitCode {
    install_subscriber(args.verbose);
    let terminal = Terminal {
        is_interactive: stdin().is_terminal() && stderr().is_terminal(),
        has_progress: stdout().is_terminal() && stderr().is_terminal(),
    };
    match run_on(&migrations, args, terminal, &mut stdout()).await {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output has seen enough, as in `status | head`.
        Err(CliError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => {
            print_error(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs the command of `args` and writes its results to `out`. It asks no questions: a command that drops data needs `--yes`.
///
/// # Errors
/// [`CliError`] says what failed and what to do.
pub async fn run(migrations: &Migrations, args: Args, out: &mut (dyn Write + Send)) -> Result<(), CliError> {
    run_on(migrations, args, Terminal::default(), out).await
}

/// Capabilities of the terminal.
#[derive(Debug, Clone, Copy, Default)]
struct Terminal {
    /// True if a person can answer questions.
    is_interactive: bool,
    /// True if a run shows a progress bar.
    has_progress: bool,
}

async fn run_on(
    migrations: &Migrations,
    args: Args,
    terminal: Terminal,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let context = Context {
        migrations,
        terminal,
        url: args.database_url,
        schema: args.database_schema.filter(|schema| !schema.is_empty()),
        is_verbose: args.verbose,
    };
    let up = Command::Up {
        num: None,
        fake: false,
        run: RunArgs::default(),
    };
    match args.command.unwrap_or(up) {
        Command::Generate(args) => match &args.command {
            Some(GenerateCommand::Entity(args)) => Box::pin(entities::generate(&context, args, out)).await,
            None => generate::migration(&args),
        },
        Command::Init(args) => init::init(&args, out),
        Command::Status { target, json } => migrate::status(&context, &target, json, out).await,
        Command::Audit(args) => audit::run(&context, &args, out).await,
        Command::Completions { shell, program } => completions::write(shell, program, out),
        // In a box each, because these futures are large, and a caller's would be as large as all of them.
        Command::Tenant(command) => Box::pin(tenant::run(&context, command, out)).await,
        command => Box::pin(migrate::run(&context, command, out)).await,
    }
}

/// Migrations and global arguments, which all commands share.
struct Context<'a> {
    migrations: &'a Migrations,
    url: Option<String>,
    schema: Option<String>,
    is_verbose: bool,
    terminal: Terminal,
}

impl Context<'_> {
    fn options(&self) -> Result<ConnectOptions, CliError> {
        let url = self.url.as_deref().filter(|url| !url.is_empty());
        let mut options = ConnectOptions::new(url.ok_or(CliError::NoDatabaseUrl)?);
        options.max_connections(1).acquire_timeout(error::TIMEOUT);
        Ok(options)
    }

    async fn connect(&self) -> Result<DatabaseConnection, CliError> {
        let options = self.options()?;
        let db = Database::connect(options).await;
        let db = db.map_err(|error| self.connect_error(error))?;
        let has_sessions = require_sessions(&db).await;
        has_sessions.map_err(|error| self.session_error(error))?;
        Ok(db)
    }

    /// Connects as an application does, with at most `max_connections`.
    async fn tenants(&self, max_connections: u32) -> Result<Tenants, CliError> {
        let mut options = self.options()?;
        options.max_connections(max_connections);
        let connected = self.migrations.for_tenants().builder().connect(options).await;
        connected.map_err(|error| match error {
            ConnectError::Database(error) => self.connect_error(error),
            ConnectError::UnnamedPooler => SessionError::Pooler.into(),
            error => error.into(),
        })
    }

    fn session_error(&self, error: SessionError) -> CliError {
        match error {
            SessionError::Database(error) => self.connect_error(error),
            error @ SessionError::Pooler => error.into(),
        }
    }

    fn connect_error(&self, source: DbErr) -> CliError {
        match source {
            DbErr::Conn(RuntimeErr::Internal(_)) => CliError::InvalidDatabaseUrl,
            source => CliError::Connect {
                place: server_address(self.url.as_deref().unwrap_or_default()),
                source,
            },
        }
    }
}

/// Returns host, port and database of a URL, without user and password.
fn server_address(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.split('?').next().unwrap_or(rest).to_owned()
}

fn load_env_file() {
    if let Err(error) = dotenvy::dotenv()
        && !error.not_found()
    {
        print_error(&format!("warning: .env is not read: {error}"));
    }
}

fn install_subscriber(is_verbose: bool) {
    // The driver's messages have each statement on the catalogs, and none of a schema's steps.
    let fallback = if is_verbose {
        "warn,tenant_migration=debug"
    } else {
        "warn"
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(fallback));
    // It fails if there is a global subscriber already, which is kept.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(is_verbose)
        .with_ansi(stderr().is_terminal())
        .with_writer(stderr)
        .try_init();
}

/// Writes a line to the standard error. If that fails, nobody can be told.
fn print_error(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_no_password() {
        assert_eq!(
            server_address("postgres://me:s3cret@db.example.com:5432/app?sslmode=require"),
            "db.example.com:5432/app"
        );
        assert_eq!(server_address("postgres://localhost/app"), "localhost/app");
        assert_eq!(server_address("postgres://me:a@b@host/app"), "host/app");
    }
}

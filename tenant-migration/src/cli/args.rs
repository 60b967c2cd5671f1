//! The arguments: those of `sea-orm-migration`'s command line, `audit` and `tenant`.

use clap::{Parser, Subcommand};

use crate::cli::tenant::TenantCommand;

const SCHEMAS: &str = "\
Which schemas a command works on:
  (nothing)        up, status: the shared schema, then every tenant; down: every tenant
  -s public        the shared schema alone; also --shared
  -s acme          one tenant; --tenant acme,globex for several
  --tenants        every tenant, without the shared schema
  --kind trial     the tenants of a kind
Every tenant is one that is in use or made ahead, suspended or not. Tenants that are archived, still being
made, or being dropped are left out unless they are named.

fresh, refresh and reset drop data. They want to be told which schemas, and --yes (TENANT_MIGRATION_YES=1 for
sea-orm-cli, which does not know that flag); on a terminal they ask. They are refused for the shared schema
while there are tenants, because it holds their catalog.

A tenant that fails does not stop the others, and what failed is rolled back; if the shared schema fails,
no tenant is begun. The exit code is not 0 if anything failed, and running again does what is left.";

const MANUAL: &str = "\
Exit codes:
  0   everything was done, and an audit found no errors (no warnings either with --strict)
  1   something failed or was refused, for one tenant of many too; the error is on the standard error
  2   the command line was not understood, and nothing was begun

Environment variables, for which a file .env is read as well:
  DATABASE_URL           as --database-url
  DATABASE_SCHEMA        as --database-schema
  MIGRATION_DIR          as --migration-dir of init and generate
  TENANT_MIGRATION_YES   as --yes: anything but an empty text, 0, n, no, f, false or off
  RUST_LOG               which messages are logged, on the standard error, such as tenant_migration=debug

Results are written to the standard output, errors and logs to the standard error.";

const UP: &str = "\
Examples:
  migration up                                  the shared schema, then every tenant
  migration up --tenant acme,globex             two tenants
  migration up --jobs 8 --canary 5 --max-failures 3
  migration up --dry-run --sql --tenant acme    what would run, rolled back
  migration up --fake --tenant acme             only written into the ledger";

const GENERATE: &str = "\
Examples:
  migration generate create_note -d migration/src/tenant    for the tenants
  migration generate create_plan -d migration/src/shared    for the shared schema";

const AUDIT: &str = "\
Examples:
  migration audit
  migration audit -s acme              one tenant
  migration audit --strict --json      for CI";

const COMPLETIONS: &str = "\
Example:
  source <(migration completions bash)";

/// Migrates the shared schema and the schemas of the tenants, and looks after tenants from their creation to their end
#[derive(Debug, Parser)]
#[command(version, after_long_help = format!("{SCHEMAS}\n\n{MANUAL}"))]
#[non_exhaustive]
pub struct Args {
    /// Show debug messages, and the migrations of every schema in `status`
    #[arg(short, long, global = true)]
    pub verbose: bool,

    /// The schema to work on: `public`, the shared one, or that of a tenant. All of them if left out
    #[arg(
        short = 's',
        long,
        global = true,
        env = "DATABASE_SCHEMA",
        value_name = "SCHEMA"
    )]
    pub database_schema: Option<String>,

    /// The URL of the database, such as `postgres://user:password@localhost/app`: of PostgreSQL itself, not of a pooler in
    /// transaction mode
    #[arg(
        short = 'u',
        long,
        visible_alias = "direct-url",
        global = true,
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub database_url: Option<String>,

    /// What to do, `up` if left out
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Write the skeleton of a migration crate, with one folder of migrations for the shared schema and one
    /// for the tenants
    Init {
        /// The folder to write it into. Files that are there are kept
        #[arg(
            short = 'd',
            long,
            env = "MIGRATION_DIR",
            default_value = "./migration",
            value_name = "DIR"
        )]
        migration_dir: String,
    },
    /// Write a new, empty migration, and add it to the list of its set
    #[command(after_long_help = GENERATE)]
    Generate {
        /// Its name, such as `create_note`
        #[arg(value_name = "NAME")]
        migration_name: String,

        /// The folder of the set that it belongs to, such as `migration/src/tenant`
        #[arg(short = 'd', long, env = "MIGRATION_DIR", value_name = "DIR")]
        migration_dir: String,

        /// Name the file after the time in UTC, which is the default
        #[arg(long, conflicts_with = "local_time")]
        universal_time: bool,

        /// Name the file after the local time
        #[arg(long)]
        local_time: bool,
    },
    /// Drop everything in the schema, then apply all migrations
    #[command(after_long_help = SCHEMAS)]
    Fresh {
        /// How.
        #[command(flatten)]
        run: RunArgs,
    },
    /// Roll back all migrations, then apply all of them again
    #[command(after_long_help = SCHEMAS)]
    Refresh {
        /// How.
        #[command(flatten)]
        run: RunArgs,
    },
    /// Roll back all migrations
    #[command(after_long_help = SCHEMAS)]
    Reset {
        /// How.
        #[command(flatten)]
        run: RunArgs,
    },
    /// Show what is applied and what is pending
    #[command(after_long_help = SCHEMAS)]
    Status {
        /// Which schemas.
        #[command(flatten)]
        target: TargetArgs,

        /// Show the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Apply pending migrations
    #[command(after_long_help = format!("{UP}\n\n{SCHEMAS}"))]
    Up {
        /// How many migrations in each schema, all that are pending if left out
        #[arg(short, long)]
        num: Option<u32>,

        /// Write the migrations into the ledgers without running them, where something else did what they do
        #[arg(long)]
        fake: bool,

        /// How.
        #[command(flatten)]
        run: RunArgs,
    },
    /// Roll back applied migrations, the last first
    #[command(after_long_help = SCHEMAS)]
    Down {
        /// How many migrations in each schema
        #[arg(short, long, default_value_t = 1)]
        num: u32,

        /// How.
        #[command(flatten)]
        run: RunArgs,
    },
    /// Show what the database itself resolves and where it could lead from one tenant to another: functions,
    /// foreign keys, defaults, types, views, schemas. Nothing is changed, and the exit code is not 0 if there are
    /// errors
    #[command(after_long_help = AUDIT)]
    Audit {
        /// Show the findings as JSON
        #[arg(long)]
        json: bool,

        /// Do not compare tables with the entities of this program, such as where it has only some of them
        #[arg(long)]
        no_entities: bool,

        /// Fail if there are warnings, too
        #[arg(long)]
        strict: bool,
    },
    /// Write a script that lets a shell complete this command line, such as for
    /// `source <(migration completions bash)`
    #[command(after_long_help = COMPLETIONS)]
    Completions {
        /// The shell that is to complete it
        shell: clap_complete::Shell,

        /// How this program is called, as it was called now if left out
        #[arg(long, value_name = "NAME")]
        program: Option<String>,
    },
    /// Create tenants, list them, change them, and work in their schemas
    #[command(subcommand)]
    Tenant(TenantCommand),
}

/// Which schemas a command works on.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Which schemas")]
#[group(multiple = false)]
#[non_exhaustive]
pub struct TargetArgs {
    /// The shared schema alone
    #[arg(long)]
    pub shared: bool,

    /// Every tenant, without the shared schema
    #[arg(long)]
    pub tenants: bool,

    /// These tenants, by their schemas
    #[arg(long, value_name = "SCHEMA,...", value_delimiter = ',')]
    pub tenant: Vec<String>,

    /// The tenants of a kind
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
}

/// How a run goes through the tenants. Times are in milliseconds.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "How to run")]
#[non_exhaustive]
pub struct RunArgs {
    /// Which schemas.
    #[command(flatten)]
    pub target: TargetArgs,

    /// How many tenants are worked on at once, each on a connection of its own, 4 if left out
    #[arg(short, long, value_name = "N", value_parser = at_least_one())]
    pub jobs: Option<u16>,

    /// Which tenants go first, as a number or by their schemas: the others are begun only if these succeed
    #[arg(long, value_name = "N|SCHEMA,...")]
    pub canary: Option<String>,

    /// Begin no other tenant once so many failed, without limit if left out
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    pub max_failures: Option<u16>,

    /// How many milliseconds a migration may wait for a lock before it is tried again, 2000 if left out, 0 for ever
    #[arg(long, value_name = "MS")]
    pub lock_timeout: Option<u32>,

    /// How many milliseconds a statement of a migration may take, without limit if left out
    #[arg(long, value_name = "MS")]
    pub statement_timeout: Option<u32>,

    /// Show what would be done to each schema, and do nothing
    #[arg(long)]
    pub dry_run: bool,

    /// With --dry-run, show the SQL: it is run in transactions that are rolled back
    #[arg(long, requires = "dry_run")]
    pub sql: bool,

    /// Whether to ask.
    #[command(flatten)]
    pub confirmation: Confirmation,

    /// Show the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Whether data is dropped without asking.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[non_exhaustive]
pub struct Confirmation {
    /// Drop data without asking
    #[arg(
        short = 'y',
        long,
        env = "TENANT_MIGRATION_YES",
        value_parser = clap::builder::FalseyValueParser::new(),
        num_args = 0,
        default_missing_value = "true"
    )]
    pub yes: bool,
}

pub(super) fn at_least_one() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..)
}

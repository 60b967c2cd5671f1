//! The arguments: those of `sea-orm-migration`'s command line, `audit` and `tenant`.

use clap::{Parser, Subcommand};
use tenant_core::SchemaName;

use crate::cli::{audit::AuditArgs, generate::GenerateArgs, init::InitArgs, tenant::TenantCommand};

const SCHEMAS: &str = "\
Which schemas a command works on:
  (nothing)        up, status: the shared schema, then every tenant; down: every tenant
  -s public        the shared schema alone; also --shared
  -s acme          one tenant; --tenant acme,globex for several
  --tenants        every tenant, without the shared schema
  --kind trial     the tenants of a kind
\"Every tenant\" includes suspended tenants and the pool of pending schemas. Archived tenants, and those that are
being created or dropped, are migrated only if they are named.

fresh, refresh and reset drop data. They require a flag that names the schemas, and --yes (TENANT_MIGRATION_YES=1
for sea-orm-cli, which does not have that flag); on a terminal they ask. They are refused for the shared schema
while there are tenants, because it holds their catalog.

A failed migration is rolled back, and the other tenants go on. If the shared schema fails, no tenant is begun.
The exit code is 1 if anything failed. Run the command again to migrate the rest.";

const MANUAL: &str = "\
Exit codes:
  0   everything was done, and an audit found no errors (no warnings either with --strict)
  1   something failed or was refused, for one tenant of many too; the error is on the standard error
  2   the command line was not understood, and nothing was done

Environment variables, which may also be set in a file .env:
  DATABASE_URL           as --database-url
  DATABASE_SCHEMA        as --database-schema
  MIGRATION_DIR          as --migration-dir of generate
  TENANT_MIGRATION_YES   as --yes, unless the value is empty, 0, n, no, f, false or off
  RUST_LOG               the log filter, such as tenant_migration=debug

Results are written to the standard output, errors and logs to the standard error.";

const UP: &str = "\
Examples:
  migration up                                  the shared schema, then every tenant
  migration up --tenant acme,globex             two tenants
  migration up --jobs 8 --canary 5 --max-failures 3
  migration up --dry-run --sql --tenant acme    show the SQL, and roll it back
  migration up --fake --tenant acme             record migrations without running them";

const AUDIT: &str = "\
Examples:
  migration audit
  migration audit -s acme              one tenant
  migration audit --strict --json      for CI";

const COMPLETIONS: &str = "\
Example:
  source <(migration completions bash)";

/// Migrates the shared schema and the tenants' schemas. Creates, changes and drops tenants
#[derive(Debug, Parser)]
#[command(version, after_long_help = format!("{SCHEMAS}\n\n{MANUAL}"))]
pub struct Args {
    /// Show debug messages, and the migrations of every schema in `status`
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,

    /// The schema to work on: `public`, which is the shared schema, or a tenant's schema. Default: all schemas
    #[arg(
        short = 's',
        long,
        global = true,
        env = "DATABASE_SCHEMA",
        value_name = "SCHEMA"
    )]
    pub(super) database_schema: Option<String>,

    /// The database's URL, such as `postgres://user:password@localhost/app`. It must lead to PostgreSQL itself, not to a
    /// pooler in transaction mode
    #[arg(
        short = 'u',
        long,
        visible_alias = "direct-url",
        global = true,
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(super) database_url: Option<String>,

    /// The command. Default: `up`
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// Commands of a migration program.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a new application: entities, migrations and, with --axum or --actix, a web application
    #[command(after_long_help = super::init::EXAMPLES)]
    Init(InitArgs),
    /// Write an empty migration, and add it to the list in `mod.rs`. Or write entities of existing tables
    #[command(after_long_help = super::generate::EXAMPLES)]
    Generate(GenerateArgs),
    /// Drop everything in the schema, then apply all migrations
    #[command(after_long_help = SCHEMAS)]
    Fresh(RunArgs),
    /// Roll back all migrations, then apply all of them again
    #[command(after_long_help = SCHEMAS)]
    Refresh(RunArgs),
    /// Roll back all migrations
    #[command(after_long_help = SCHEMAS)]
    Reset(RunArgs),
    /// Show the applied and the pending migrations
    #[command(after_long_help = SCHEMAS)]
    Status {
        #[command(flatten)]
        target: TargetArgs,

        /// Show the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Apply pending migrations
    #[command(after_long_help = format!("{UP}\n\n{SCHEMAS}"))]
    Up {
        /// Number of migrations to apply in each schema. Default: all pending ones
        #[arg(short, long)]
        num: Option<u32>,

        /// Record the migrations in the ledgers without running them, for schemas that already have their changes
        #[arg(long)]
        fake: bool,

        #[command(flatten)]
        run: RunArgs,
    },
    /// Roll back applied migrations, the newest first
    #[command(after_long_help = SCHEMAS)]
    Down {
        /// Number of migrations to roll back in each schema
        #[arg(short, long, default_value_t = 1)]
        num: u32,

        #[command(flatten)]
        run: RunArgs,
    },
    /// Find what could lead from one tenant to another in names that PostgreSQL itself resolves: functions, foreign
    /// keys, defaults, types, views, schemas. Nothing is changed. The exit code is 1 if there are errors
    #[command(after_long_help = AUDIT)]
    Audit(AuditArgs),
    /// Write a script with which a shell completes this command line
    #[command(after_long_help = COMPLETIONS)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,

        /// The name of this program in the shell. Default: the name with which it was called
        #[arg(long, value_name = "NAME")]
        program: Option<String>,
    },
    /// Create, list, change and drop tenants, and run statements and tasks in their schemas
    #[command(subcommand)]
    Tenant(TenantCommand),
}

/// Schemas that a command works on.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Which schemas")]
#[group(multiple = false)]
pub(crate) struct TargetArgs {
    /// The shared schema alone
    #[arg(long)]
    pub(super) shared: bool,

    /// Every tenant, without the shared schema
    #[arg(long)]
    pub(super) tenants: bool,

    /// The tenants of these schemas
    #[arg(long, value_name = "SCHEMA,...", value_delimiter = ',', value_parser = |name: &str| SchemaName::for_tenant(name))]
    pub(super) tenant: Vec<SchemaName>,

    /// The tenants of a kind
    #[arg(long, value_name = "KIND")]
    pub(super) kind: Option<String>,
}

/// Schemas, and options of a run over them.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "How to run")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(super) target: TargetArgs,

    /// Number of tenants that are migrated at the same time, each on its own connection. Default: 4
    #[arg(short, long, value_name = "N", value_parser = at_least_one())]
    pub(super) jobs: Option<u16>,

    /// Tenants that are migrated first: a number, or their schemas. The others begin only if these succeed
    #[arg(long, value_name = "N|SCHEMA,...")]
    pub(super) canary: Option<String>,

    /// Number of failed tenants after which no other tenant begins. Default: no limit
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    pub(super) max_failures: Option<u16>,

    /// Milliseconds that a migration waits for a lock on a table before it is tried again. 0 is no limit. Default: 2000
    #[arg(long, value_name = "MS")]
    pub(super) lock_timeout: Option<u32>,

    /// Milliseconds that a statement of a migration may take. Default: no limit
    #[arg(long, value_name = "MS")]
    pub(super) statement_timeout: Option<u32>,

    /// Show the steps for each schema, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,

    /// With --dry-run, show the SQL. It runs in transactions that are rolled back
    #[arg(long, requires = "dry_run")]
    pub(super) sql: bool,

    #[command(flatten)]
    pub(super) confirmation: Confirmation,

    /// Show the result as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Consent to drop data without a question on the terminal.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct Confirmation {
    /// Drop data without asking
    #[arg(
        short = 'y',
        long,
        env = "TENANT_MIGRATION_YES",
        value_parser = clap::builder::FalseyValueParser::new(),
        num_args = 0,
        default_missing_value = "true"
    )]
    pub(super) yes: bool,
}

pub(super) fn at_least_one() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..)
}

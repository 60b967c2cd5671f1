//! `tenant` and its subcommands.

mod adopt_from_query;
mod change;
mod create;
mod domains;
mod list;
mod pool;
mod run;
mod show;
mod sql;
mod tenant_table;
mod transfer;
mod work;

use std::io::Write;

use clap::Subcommand;
use sea_orm::DatabaseConnection;
use tenant_core::DEFAULT_HOST_CACHE_TTL;

use crate::cli::{Context, error::CliError};

const CREATE: &str = "\
Examples:
  migration tenant create public --name Notes --domain example.com
  migration tenant create acme --name \"Acme Inc.\" --domain acme.example.com --kind trial";

const CLONE: &str = "\
Examples:
  migration tenant clone acme acme-test --domain acme-test.example.com
  migration tenant clone acme empty --structure-only";

const ADOPT: &str = "\
Examples:
  migration tenant adopt acme --domain acme.example.com --applied-to m20260101_000001_create_note
  migration tenant adopt globex --applied-all

All tenants of django-tenants:
  migration tenant adopt --applied-all --dry-run --from-query \
    'SELECT schema_name, name, domain, is_primary FROM customers_client JOIN customers_domain ON tenant_id = customers_client.id'";

const LIST: &str = "\
Examples:
  migration tenant list --status suspended
  migration tenant list --behind --json";

const TRANSFER: &str = "\
Example, from one database to another:
  migration -u $OLD tenant export acme acme.export
  migration -u $NEW tenant import acme.export

Example, back to an older export:
  migration tenant suspend acme
  migration tenant import acme.export --replace acme-old";

const SQL: &str = "\
The statement is checked as on a tenant's connection of the application: the entities of this program say which tables
are the tenant's and which are shared. \"$tenant\".note is always the tenant's table. Only one statement is allowed:
SELECT, INSERT, UPDATE, DELETE, MERGE, or EXPLAIN of one of these. It runs in a transaction for each tenant, which is
read-only without --write. A tenant that fails does not stop the others. The exit code is 1 if a tenant failed.

All rows are kept in memory until the end, so select few. A statement that returns rows is put into a WITH. PostgreSQL
refuses a data-modifying WITH in it, so write INSERT ... RETURNING instead.

Examples:
  migration tenant sql 'SELECT count(*) FROM note' --tenants
  migration tenant sql 'DELETE FROM note' --tenant acme,globex --write";

const RUN: &str = "\
This program registers its tasks with `Migrations::task`. A tenant that fails does not stop the others. The exit code is 1
if a tenant failed.

Example:
  migration tenant run purge --tenants --jobs 8";

/// Commands for tenants.
#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    #[command(flatten)]
    Manage(ManageCommand),
    /// Run a statement in the schema of each tenant, and show all rows
    #[command(after_long_help = SQL)]
    Sql(sql::SqlArgs),
    /// Run a task of this program for each tenant, and show its results
    #[command(after_long_help = RUN)]
    Run(run::TaskArgs),
}

/// Commands that create, show, change and drop tenants.
#[derive(Debug, Subcommand)]
pub(crate) enum ManageCommand {
    /// Create a tenant, completely or not at all: its schema, its tables and its row in the catalog
    #[command(after_long_help = CREATE)]
    Create(create::CreateArgs),
    /// Create a tenant as a copy of another one, with its tables and rows
    #[command(after_long_help = CLONE)]
    Clone(create::CloneArgs),
    /// Make tenants of schemas that are already in the database, with their tables and rows
    #[command(after_long_help = ADOPT)]
    Adopt(create::AdoptArgs),
    /// List the tenants by their schemas
    #[command(after_long_help = LIST)]
    List(list::ListArgs),
    /// Show a tenant: its row in the catalog, its domains and its migrations
    Show(show::ShowArgs),
    /// List, add and remove the domains of a tenant
    #[command(subcommand)]
    Domain(domains::DomainCommand),
    /// Write a tenant into a directory: its schema with all rows, by `pg_dump`, and its row in the catalog
    #[command(after_long_help = TRANSFER)]
    Export(transfer::ExportArgs),
    /// Create a tenant from an export, in this or another database. Import only files that you trust: their SQL runs as the
    /// user of the connection. If the import was killed, run it again: it starts over
    #[command(after_long_help = TRANSFER)]
    Import(transfer::ImportArgs),
    /// Fill and drain the pool of pending schemas, which new tenants get
    #[command(subcommand)]
    Pool(pool::PoolCommand),
    #[command(flatten)]
    Change(change::ChangeCommand),
}

pub(super) async fn run(
    context: &Context<'_>,
    command: TenantCommand,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    match command {
        TenantCommand::Manage(command) => {
            let db = context.connect().await?;
            let done = manage(context, &db, command, out).await;
            db.close().await?;
            match done?.as_str() {
                "" => Ok(()),
                text => Ok(writeln!(out, "{text}")?),
            }
        }
        TenantCommand::Sql(args) => sql::run(context, args, out).await,
        TenantCommand::Run(args) => run::run(context, args, out).await,
    }
}

/// Runs a command, and returns its result for the output. A command that may fail for a part of the tenants writes the result to
/// `out` itself.
async fn manage(
    context: &Context<'_>,
    db: &DatabaseConnection,
    command: ManageCommand,
    out: &mut (dyn Write + Send),
) -> Result<String, CliError> {
    match command {
        ManageCommand::Create(args) => create::create(context, db, args).await,
        ManageCommand::Clone(args) => create::clone(context, db, args).await,
        ManageCommand::Adopt(args) => create::adopt(context, db, args, out).await,
        ManageCommand::List(args) => list::run(context, db, &args).await,
        ManageCommand::Show(args) => show::run(context, db, args).await,
        ManageCommand::Domain(command) => Ok(domains::run(db, command).await?),
        ManageCommand::Export(args) => transfer::export(context, db, args).await,
        ManageCommand::Import(args) => transfer::import(context, db, args).await,
        ManageCommand::Pool(command) => pool::run(context, db, command).await,
        ManageCommand::Change(command) => change::run(context, db, command).await,
    }
}

/// Adds to a message when other processes see the change.
fn with_delay(message: &str) -> String {
    let longest = DEFAULT_HOST_CACHE_TTL.as_secs();
    format!(
        "{message}\nother processes know within a second if they listen for changes, and in {longest} s at the latest \
         unless they cache hosts for longer"
    )
}

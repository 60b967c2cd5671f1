//! Arguments of `tenant`.

use clap::Subcommand;

use crate::cli::{
    args::{Confirmation, TargetArgs, at_least_one},
    tenant::{AdoptArgs, ExportArgs, ImportArgs, PoolCommand, SchemaCommand},
};

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

const CREATE: &str = "\
Examples:
  migration tenant create public --name Notes --domain example.com
  migration tenant create acme --name \"Acme Inc.\" --domain acme.example.com --kind trial";

const CLONE: &str = "\
Examples:
  migration tenant clone acme acme-test --domain acme-test.example.com
  migration tenant clone acme empty --structure-only";

const LIST: &str = "\
Examples:
  migration tenant list --status suspended
  migration tenant list --behind --json";

const RUN: &str = "\
This program registers its tasks with `Migrations::task`. A tenant that fails does not stop the others. The exit code is 1
if a tenant failed.

Example:
  migration tenant run purge --tenants --jobs 8";

const ADOPT: &str = "\
Examples:
  migration tenant adopt acme --domain acme.example.com --applied-to m20260101_000001_create_note
  migration tenant adopt globex --applied-all

All tenants of django-tenants:
  migration tenant adopt --applied-all --dry-run --from-query \
    'SELECT schema_name, name, domain, is_primary FROM customers_client JOIN customers_domain ON tenant_id = customers_client.id'";

const TRANSFER: &str = "\
Example, from one database to another:
  migration -u $OLD tenant export acme acme.export
  migration -u $NEW tenant import acme.export

Example, back to an older export:
  migration tenant suspend acme
  migration tenant import acme.export --replace acme-old";

const DOMAIN: &str = "\
Example:
  migration tenant domain add acme www.example.com --primary";

const MAINTENANCE: &str = "\
Example:
  migration tenant maintenance acme on";

const SET: &str = "\
Examples:
  migration tenant set acme --name \"Acme & Sons\"
  migration tenant set acme --kind enterprise --metadata '{\"seats\": 50}'";

const DROP: &str = "\
Example:
  migration tenant drop acme --yes";

/// Commands for tenants.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum TenantCommand {
    /// Create a tenant in one transaction: its schema, its tables and its row in the catalog
    #[command(after_long_help = CREATE)]
    Create {
        /// The tenant's schema: 1 to 63 ASCII letters, digits, `_` and `-`. `public` creates the public tenant, the main
        /// site, which has no schema of its own
        schema: String,

        /// The customer's name. Default: the schema's name
        #[arg(long)]
        name: Option<String>,

        /// The tenant's primary domain, such as `acme.example.com`
        #[arg(long, value_name = "HOST")]
        domain: Option<String>,

        /// The tenant's kind, which groups tenants. Default: `default`, or with --from the template's kind
        #[arg(long)]
        kind: Option<String>,

        /// The schema of a template. The new tenant is a copy of it, with its rows. Use an archived tenant as a template: it
        /// has no traffic. `up --tenant TEMPLATE` keeps it migrated
        #[arg(long, value_name = "TEMPLATE")]
        from: Option<String>,

        /// Reuse the name of a dropped tenant's schema. Work that still runs for the dropped tenant then reaches the rows of
        /// this one
        #[arg(long)]
        reuse_name: bool,
    },
    /// Create a tenant as a copy of another one, with its tables and rows
    #[command(after_long_help = CLONE)]
    Clone {
        /// The schema of the source tenant
        source: String,

        /// The schema of the new tenant: 1 to 63 ASCII letters, digits, `_` and `-`
        schema: String,

        /// The new customer's name. Default: the new schema's name
        #[arg(long)]
        name: Option<String>,

        /// The new tenant's primary domain, such as `acme.example.com`
        #[arg(long, value_name = "HOST")]
        domain: Option<String>,

        /// The new tenant's kind, which groups tenants. Default: the source's kind
        #[arg(long)]
        kind: Option<String>,

        /// Copy tables without their rows
        #[arg(long)]
        structure_only: bool,
    },
    /// List the tenants by their schemas
    #[command(after_long_help = LIST)]
    List {
        /// Only tenants with this status
        #[arg(long)]
        status: Option<tenant_core::TenantStatus>,

        /// Only tenants of this kind
        #[arg(long)]
        kind: Option<String>,

        /// Only tenants with pending migrations
        #[arg(long)]
        behind: bool,

        /// Show the tenants as JSON, with all fields of the catalog
        #[arg(long)]
        json: bool,
    },
    /// Show a tenant: its row in the catalog, its domains and its migrations
    Show {
        /// The tenant's schema
        schema: String,

        /// Show the tenant as JSON
        #[arg(long)]
        json: bool,
    },
    /// Run a statement in the schema of each tenant, and show all rows
    #[command(after_long_help = SQL)]
    Sql {
        /// The statement, such as 'SELECT count(*) FROM note'
        statement: String,

        /// Tenants, and options of the run.
        #[command(flatten)]
        work: WorkArgs,

        /// Allow the statement to change rows
        #[arg(long)]
        write: bool,
    },
    /// Run a task of this program for each tenant, and show its results
    #[command(after_long_help = RUN)]
    Run {
        /// The name of the task
        name: String,

        /// Tenants, and options of the run.
        #[command(flatten)]
        work: WorkArgs,
    },
    /// List, add and remove the domains of a tenant
    #[command(subcommand)]
    Domain(DomainCommand),
    /// Make tenants of schemas that are already in the database, with their tables and rows
    #[command(after_long_help = ADOPT)]
    Adopt(AdoptArgs),
    /// Write a tenant into a directory: its schema with all rows, by `pg_dump`, and its row in the catalog
    #[command(after_long_help = TRANSFER)]
    Export(ExportArgs),
    /// Create a tenant from an export, in this or another database. Import only files that you trust: their SQL runs as the
    /// user of the connection. If the import was killed, run it again: it starts over
    #[command(after_long_help = TRANSFER)]
    Import(ImportArgs),
    /// Rename the schema of a tenant
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// Fill and drain the pool of pending schemas, which new tenants get
    #[command(subcommand)]
    Pool(PoolCommand),
    /// Changes of one tenant.
    #[command(flatten)]
    Change(ChangeCommand),
}

/// Tenants of a statement or a task, and options of the run.
#[derive(Debug, Clone, Default, clap::Args)]
#[non_exhaustive]
pub struct WorkArgs {
    /// Tenants of the run. One flag or `-s` is required. `--shared` is the public tenant.
    #[command(flatten)]
    pub target: TargetArgs,

    /// Only tenants with these statuses. Default: named tenants, whatever their status; otherwise active ones, and for `sql`
    /// also suspended ones and those in maintenance
    #[arg(long, value_name = "STATUS,...", value_delimiter = ',')]
    pub status: Vec<tenant_core::TenantStatus>,

    /// Number of tenants that run at the same time. Default: 4
    #[arg(short, long, value_name = "N", value_parser = at_least_one())]
    pub jobs: Option<u16>,

    /// Show the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Commands that change one tenant.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum ChangeCommand {
    /// Take a tenant out of service: its requests get 403
    Suspend {
        /// The tenant's schema
        schema: String,
    },
    /// Take a suspended or archived tenant, or one in maintenance, back into service
    Resume {
        /// The tenant's schema
        schema: String,
    },
    /// Begin or end the maintenance of a tenant. Meanwhile its requests get 503
    #[command(after_long_help = MAINTENANCE)]
    Maintenance {
        /// The tenant's schema
        schema: String,

        /// `on` to begin the maintenance, `off` to end it
        switch: Switch,
    },
    /// Archive a tenant: its data is kept, its requests get 404, and it is migrated only if it is named
    Archive {
        /// The tenant's schema
        schema: String,
    },
    /// Change the customer's name, the kind and the metadata of a tenant. Its schema and its domains stay as they are
    #[command(after_long_help = SET, group = clap::ArgGroup::new("changes").required(true).multiple(true))]
    Set {
        /// The tenant's schema
        schema: String,

        /// The customer's new name
        #[arg(long, group = "changes")]
        name: Option<String>,

        /// The new kind. Its pending migrations run in the same transaction. It is refused if the schema has migrations
        /// that the new kind does not have
        #[arg(long, group = "changes")]
        kind: Option<String>,

        /// The new metadata, as JSON. It replaces the old metadata
        #[arg(long, value_name = "JSON", value_parser = parse_json, group = "changes")]
        metadata: Option<serde_json::Value>,
    },
    /// Drop a tenant: its schema with all tables and rows, its domains, its role and its row in the catalog. If it is
    /// interrupted, run it again: it goes on. No other tenant gets the schema's name
    #[command(after_long_help = DROP)]
    Drop {
        /// The tenant's schema
        schema: String,

        /// Seconds between the end of the tenant's service and the first dropped table, because other processes cache the
        /// tenant's host. The time that it is already suspended, in maintenance or archived counts. 0 does not wait
        #[arg(long, value_name = "SECONDS", default_value_t = tenant_core::DEFAULT_HOST_CACHE_TTL.as_secs())]
        drain: u64,

        /// Number of tables that one transaction drops
        #[arg(long, value_name = "N", default_value_t = crate::DEFAULT_DROP_BATCH)]
        batch: u32,

        /// Consent to drop the tenant.
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// Commands for the domains of a tenant.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum DomainCommand {
    /// List the domains of a tenant, the primary one first
    List {
        /// The tenant's schema
        schema: String,

        /// Show the domains as JSON
        #[arg(long)]
        json: bool,
    },
    /// Add a domain to a tenant. The first domain becomes the primary one
    #[command(after_long_help = DOMAIN)]
    Add {
        /// The tenant's schema
        schema: String,

        /// The domain, such as `acme.example.com`
        host: String,

        /// Make it the primary domain, which links use
        #[arg(long)]
        primary: bool,
    },
    /// Remove a domain from a tenant. The primary domain can only be removed as the last one
    Remove {
        /// The tenant's schema
        schema: String,

        /// The domain
        host: String,
    },
    /// Make one of a tenant's domains its primary domain, which links use
    Primary {
        /// The tenant's schema
        schema: String,

        /// The domain
        host: String,
    },
}

/// Switch of the maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// Begin the maintenance
    On,
    /// End the maintenance
    Off,
}

fn parse_json(text: &str) -> Result<serde_json::Value, serde_json::Error> {
    serde_json::from_str(text)
}

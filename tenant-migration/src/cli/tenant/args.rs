//! The arguments of `tenant`.

use clap::Subcommand;

use crate::cli::{
    args::{Confirmation, TargetArgs, at_least_one},
    tenant::{AdoptArgs, ExportArgs, ImportArgs, PoolCommand, SchemaCommand},
};

const SQL: &str = "\
The statement is checked as on a tenant's connection of the application: tables are the tenant's or shared by the
entities of this program, and \"$tenant\".note is the tenant's in any case. It is one statement: SELECT, INSERT, UPDATE,
DELETE, MERGE, or EXPLAIN of one. Each tenant's is a transaction of its own, and a read-only one without --write. A
tenant that fails does not stop the others, and the exit code is not 0 then.

All rows are kept until the end, so choose few. Where rows are asked for, the statement is put into a WITH, so that
PostgreSQL takes no change in a WITH of its own there.

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
Tasks are those that the program gave to `Migrations::task`. One that fails for a tenant does not stop the others, and the
exit code is not 0 then.

Example:
  migration tenant run purge --tenants --jobs 8";

const ADOPT: &str = "\
Examples:
  migration tenant adopt acme --domain acme.example.com --applied-to m20260101_000001_create_note
  migration tenant adopt globex --applied-all";

const TRANSFER: &str = "\
Example, from one database to another:
  migration -u $OLD tenant export acme acme.export
  migration -u $NEW tenant import acme.export";

const DOMAIN: &str = "\
Example:
  migration tenant domain add acme www.example.com --primary";

const MAINTENANCE: &str = "\
Example:
  migration tenant maintenance acme on";

const DROP: &str = "\
Example:
  migration tenant drop acme --yes";

/// What to do with tenants.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum TenantCommand {
    /// Create a tenant: its schema, all its tables, and its row in the catalog, or nothing of it
    #[command(after_long_help = CREATE)]
    Create {
        /// Its schema: 1 to 63 ASCII letters, digits, `_` and `-`. `public` makes the public tenant, the main
        /// site, which has no schema of its own
        schema: String,

        /// The customer's name, the schema's if left out
        #[arg(long)]
        name: Option<String>,

        /// The host at which it is served, such as `acme.example.com`
        #[arg(long, value_name = "HOST")]
        domain: Option<String>,

        /// A word by which tenants are grouped, `default` if left out, or with --from that of the template
        #[arg(long)]
        kind: Option<String>,

        /// The schema of the tenant of which it is a copy, with its rows. A template is a tenant, best an archived one:
        /// that has no traffic, and runs over all leave it out, so keep it migrated by naming it (`up --tenant TEMPLATE`)
        #[arg(long, value_name = "TEMPLATE")]
        from: Option<String>,

        /// Take the name of a schema that another tenant had, which is gone. What still runs for that one reaches the new
        /// one's rows
        #[arg(long)]
        reuse_name: bool,
    },
    /// Copy a tenant: a new one with the schema of another, and all rows in it
    #[command(after_long_help = CLONE)]
    Clone {
        /// The schema of the tenant that is copied
        source: String,

        /// The schema of the new one: 1 to 63 ASCII letters, digits, `_` and `-`
        schema: String,

        /// The new customer's name, the schema's if left out
        #[arg(long)]
        name: Option<String>,

        /// The host at which it is served, such as `acme.example.com`
        #[arg(long, value_name = "HOST")]
        domain: Option<String>,

        /// A word by which tenants are grouped, that of the tenant that is copied if left out
        #[arg(long)]
        kind: Option<String>,

        /// Copy tables without their rows
        #[arg(long)]
        structure_only: bool,
    },
    /// List the tenants, in the order of their schemas
    #[command(after_long_help = LIST)]
    List {
        /// Only those in a status
        #[arg(long)]
        status: Option<tenant_core::TenantStatus>,

        /// Only those of a kind
        #[arg(long)]
        kind: Option<String>,

        /// Only those in whose schema migrations of this program are pending
        #[arg(long)]
        behind: bool,

        /// Show them as JSON, with all that the catalog has
        #[arg(long)]
        json: bool,
    },
    /// Show a tenant: what the catalog has of it, its domains, and what is applied in its schema
    Show {
        /// Its schema
        schema: String,

        /// Show it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Run a statement in the schemas of tenants, and show the rows of all
    #[command(after_long_help = SQL)]
    Sql {
        /// The statement, such as 'SELECT count(*) FROM note'
        statement: String,

        /// For which tenants.
        #[command(flatten)]
        work: WorkArgs,

        /// Let it change rows
        #[arg(long)]
        write: bool,
    },
    /// Run a task of this program for tenants, and show what it returned for each
    #[command(after_long_help = RUN)]
    Run {
        /// The name of the task
        name: String,

        /// For which tenants.
        #[command(flatten)]
        work: WorkArgs,
    },
    /// List, add and remove the domains of a tenant
    #[command(subcommand)]
    Domain(DomainCommand),
    /// Make a schema that is in the database already a tenant's, with all that is in it
    #[command(after_long_help = ADOPT)]
    Adopt(AdoptArgs),
    /// Write a tenant into a directory, with all rows: by `pg_dump`, and what the catalog has of it
    #[command(after_long_help = TRANSFER)]
    Export(ExportArgs),
    /// Make a tenant of an export, here or in another database. Its files have SQL that is run as the user of the
    /// connection, so they must be trusted. Killed, it begins anew when it is run again
    #[command(after_long_help = TRANSFER)]
    Import(ImportArgs),
    /// Rename the schema of a tenant
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// Schemas that are made ahead for tenants still to come
    #[command(subcommand)]
    Pool(PoolCommand),
    /// What is done to a tenant that is there.
    #[command(flatten)]
    Change(ChangeCommand),
}

/// For which tenants something is done, and how.
#[derive(Debug, Clone, Default, clap::Args)]
#[non_exhaustive]
pub struct WorkArgs {
    /// For which tenants. One flag or -s is needed; tenants that are archived, still being made, or being dropped are
    /// left out unless they are named, and the public tenant is `--shared`.
    #[command(flatten)]
    pub target: TargetArgs,

    /// How many tenants at once, 4 if left out
    #[arg(short, long, value_name = "N", value_parser = at_least_one())]
    pub jobs: Option<u16>,

    /// Show the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// What to do to a tenant that is there.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum ChangeCommand {
    /// Take a tenant out of service: its requests get 403
    Suspend {
        /// Its schema
        schema: String,
    },
    /// Take a tenant back into service, whether it was suspended, in maintenance or archived
    Resume {
        /// Its schema
        schema: String,
    },
    /// Say that a tenant is being worked on, or not any more: meanwhile its requests get 503
    #[command(after_long_help = MAINTENANCE)]
    Maintenance {
        /// Its schema
        schema: String,

        /// `on` while it is being worked on, `off` afterwards
        switch: Switch,
    },
    /// Put a tenant aside: it is kept, its requests get 404, and it is migrated only when it is named
    Archive {
        /// Its schema
        schema: String,
    },
    /// Give a tenant another name, for people. Its schema and its domains stay
    Rename {
        /// Its schema
        schema: String,

        /// The name from then on
        name: String,
    },
    /// Drop a tenant: its schema and all that is in it, its domains, its role and its row in the catalog. Interrupted, it
    /// goes on when it is run again. The name of the schema is not given to another tenant
    #[command(after_long_help = DROP)]
    Drop {
        /// Its schema
        schema: String,

        /// How many seconds after it left service its tables are left alone, because other processes may still know its
        /// host
        #[arg(long, value_name = "SECONDS", default_value_t = tenant_core::DEFAULT_HOST_CACHE_TTL.as_secs())]
        drain: u64,

        /// How many tables one transaction drops
        #[arg(long, value_name = "N", default_value_t = crate::DEFAULT_DROP_BATCH)]
        batch: u32,

        /// Drop it without asking
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// What to do with the domains of a tenant.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum DomainCommand {
    /// List the domains of a tenant, the primary one first
    List {
        /// The tenant's schema
        schema: String,

        /// Show them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Give a tenant another domain. The first is the primary one
    #[command(after_long_help = DOMAIN)]
    Add {
        /// The tenant's schema
        schema: String,

        /// The host, such as `acme.example.com`
        host: String,

        /// Make it the primary one, which links are made of
        #[arg(long)]
        primary: bool,
    },
    /// Take a domain from a tenant. The primary one goes last
    Remove {
        /// The tenant's schema
        schema: String,

        /// The host
        host: String,
    },
    /// Make a domain that a tenant has its primary one, which links are made of
    Primary {
        /// The tenant's schema
        schema: String,

        /// The host
        host: String,
    },
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// It is being worked on
    On,
    /// It is back in service
    Off,
}

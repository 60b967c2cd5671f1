//! [`CliError`]: errors of the command line.

use std::{io, path::PathBuf, time::Duration};

use sea_orm::DbErr;
use tenant_core::{ConnectError, Host, HostError, Refusal, SchemaName, SchemaNameError, audit::AuditError};

use crate::{
    cli::{
        audit::counts,
        linked_entities::{NO_ENTITIES, has_entities},
        output::count,
    },
    database::{SessionError, reason},
    define::LookupError,
    lifecycle::LifecycleError,
    plan::{Action, PlanError},
    transfer::TransferError,
};

/// Time to connect: 10 s, because the server may be starting.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// Error of a command, with a message for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// No database was named.
    #[error(
        "no database was named: set DATABASE_URL, in the environment or in .env, or name the database with -u"
    )]
    NoDatabaseUrl,
    /// The database's URL is invalid. The message does not show it, because it may contain a password.
    #[error(
        "the database's URL (-u or DATABASE_URL) is invalid: write it as postgres://USER:PASSWORD@HOST/DATABASE"
    )]
    InvalidDatabaseUrl,
    /// The connection to the database failed.
    #[error(
        "could not connect to the database at {place}: {}",
        connect_error_reason(source)
    )]
    Connect {
        /// Host, port and database of the URL.
        place: String,
        /// The driver's error.
        source: DbErr,
    },
    /// The database is reached through a pooler in transaction mode.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A schema name is invalid.
    #[error(transparent)]
    Schema(#[from] SchemaNameError),
    /// Schemas were named by `-s` and by another flag.
    #[error(
        "schemas are named twice, by -s {schema} (or DATABASE_SCHEMA) and by another flag: use one of them"
    )]
    TwoTargets {
        /// The schema.
        schema: String,
    },
    /// An action that drops data was called without schemas.
    #[error(
        "`{action}` drops data, and no schemas were named: name them with -s SCHEMA, --tenant A,B, --tenants, --kind KIND \
         or --shared"
    )]
    NoTarget {
        /// The action.
        action: Action,
    },
    /// An action that drops or replaces data was not confirmed.
    #[error(
        "{what} and was not confirmed, so nothing was done: add --yes, or set TENANT_MIGRATION_YES=1 for \
         sea-orm-cli"
    )]
    NotConfirmed {
        /// The action and the schemas that it concerns.
        what: String,
    },
    /// The run could not be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Schemas failed.
    #[error("{}: see above", not_migrated(*failed, *all))]
    Failed {
        /// Number of schemas that failed or were not reached.
        failed: usize,
        /// Number of schemas in the run.
        all: usize,
    },
    /// Schemas cannot be migrated in their present state.
    #[error("{count} of {all} schemas cannot be migrated: see above")]
    Obstacles {
        /// Number of schemas that cannot be migrated.
        count: usize,
        /// Number of all schemas.
        all: usize,
    },
    /// No tenants were named.
    #[error(
        "no tenants were named: name them with -s SCHEMA, --tenant A,B, --tenants, --kind KIND, or --shared for the \
         public tenant"
    )]
    NoTenants,
    /// A statement is not allowed for tenants.
    #[error("the statement was not run for any tenant: {refusal}{}", hint_of_entities(.0), refusal = .0)]
    Refused(#[from] Refusal),
    /// A statement changes the schema.
    #[error(
        "the statement was not run for any tenant, because it changes the schema and no ledger would record that: write a \
         migration"
    )]
    ChangesSchema,
    /// This program has no such task.
    #[error("there is no task {name}: {}", tasks(known))]
    NoSuchTask {
        /// The name that was given.
        name: String,
        /// Names of this program's tasks.
        known: Vec<String>,
    },
    /// A statement or a task failed for tenants.
    #[error("{failed} of {} failed: see above", count(*all, "tenant"))]
    TenantsFailed {
        /// Number of tenants for which it failed.
        failed: usize,
        /// Number of all tenants.
        all: usize,
    },
    /// The connection with the application's settings failed.
    #[error(transparent)]
    Tenants(#[from] ConnectError),
    /// The audit found errors, or warnings with `--strict`.
    #[error("the audit found {}: see above", counts(*errors, *warnings))]
    Audited {
        /// Number of errors.
        errors: usize,
        /// Number of warnings.
        warnings: usize,
    },
    /// The audit could not be run.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A tenant was not exported or imported.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// A row of `--from-query` has no schema name.
    #[error(
        "the query returned a row without schema_name: name the column of the schemas so, by AS schema_name"
    )]
    NoSchemaName,
    /// A schema of `--only` is not in the result of `--from-query`.
    #[error("the query returned no schema {schema}, which --only names")]
    NotInQuery {
        /// The schema.
        schema: String,
    },
    /// A domain of `--from-query` is not a host name.
    #[error("the domain {domain:?} is invalid: {source}")]
    Domain {
        /// The domain.
        domain: String,
        /// Reason.
        source: HostError,
    },
    /// Two tenants of `--from-query` have the same domain.
    #[error("the domain {domain} is also a domain of {schema} in the query")]
    DomainOfTwo {
        /// The domain.
        domain: Host,
        /// The other tenant.
        schema: SchemaName,
    },
    /// A tenant was not created, copied, changed or dropped.
    #[error(transparent)]
    Lifecycle(#[from] LifecycleError),
    /// A tenant or the catalog was not found.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// A folder has no list of migrations.
    #[error(
        "{} has no list of migrations ({}): name the folder of the shared schema's or of the tenants' migrations, such as \
         -d migration/src/tenant", folder.display(), file.display()
    )]
    NoMigrator {
        /// The folder.
        folder: PathBuf,
        /// The file that should have the list.
        file: PathBuf,
    },
    /// A file could not be written.
    #[error("{} could not be written: {source}", path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Reason.
        source: io::Error,
    },
    /// A migration could not be generated.
    #[error("the migration was not generated: {0}")]
    Generate(String),
    /// A folder is no checkout of this library.
    #[error("{} is not the folder of a checkout of this library: {source}", folder.display())]
    Library {
        /// The folder.
        folder: PathBuf,
        /// Reason.
        source: io::Error,
    },
    /// Entities could not be generated.
    #[error("the entities were not generated: {0}. --ignore-tables leaves out a table")]
    GenerateEntities(String),
    /// No schema was named whose tables get entities.
    #[error("no schema was named: -s names a tenant whose tables get entities, such as -s acme")]
    NoSchemaForEntities,
    /// The database has no such schema.
    #[error("the database has no schema {schema}")]
    NoSuchSchema {
        /// The schema.
        schema: SchemaName,
    },
    /// The tenant's and the shared schema have a table or type of the same name, which one entity cannot stand for.
    #[error(
        "the tenant and the shared schema both have a {what} {name}: leave one of them out by --ignore-tables \
         public.{name}, or rename it"
    )]
    InBothSchemas {
        /// "table" or "type".
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The result could not be written.
    #[error("the result could not be written: {0}")]
    Output(#[from] io::Error),
    /// A query failed.
    #[error("{}", reason(.0))]
    Database(#[from] DbErr),
}

/// Returns a hint if the statement was refused because the program has no entities.
fn hint_of_entities(refusal: &Refusal) -> String {
    match refusal {
        Refusal::UnknownTable { .. } | Refusal::UnknownType(_) if !has_entities() => {
            format!(". {NO_ENTITIES}")
        }
        _ => String::new(),
    }
}

fn tasks(known: &[String]) -> String {
    match known {
        [] => "this program has none (`Migrations::task`)".to_owned(),
        known => format!("this program has {}", known.join(", ")),
    }
}

fn not_migrated(failed: usize, all: usize) -> String {
    match (failed, all) {
        (_, 1) => "the schema was not migrated".to_owned(),
        (1, all) => format!("1 of {all} schemas was not migrated"),
        (failed, all) => format!("{failed} of {all} schemas were not migrated"),
    }
}

fn connect_error_reason(error: &DbErr) -> String {
    match error {
        DbErr::Conn(sea_orm::RuntimeErr::SqlxError(inner))
            if matches!(&**inner, sea_orm::sqlx::Error::PoolTimedOut) =>
        {
            format!(
                "it did not answer for {} seconds. Check that it is running, and its address",
                TIMEOUT.as_secs()
            )
        }
        error => reason(error),
    }
}

//! [`CliError`]: what the command line says when it fails.

use std::{io, path::PathBuf, time::Duration};

use sea_orm::DbErr;
use tenant_core::{
    ConnectError, HostError, Refusal, SchemaNameError, audit::AuditError, catalog::CatalogError,
};

use crate::{
    cli::audit::tally,
    database::{SessionError, reason},
    lifecycle::{CloneError, CreateTenantError, LifecycleError, PoolError},
    plan::{Action, PlanError, SelectError},
    transfer::{ExportError, ImportError},
};

/// How long a server may take to answer: it may be starting.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a command failed, in words for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// No database was named.
    #[error("which database? Set DATABASE_URL, in the environment or in .env, or name it with -u")]
    NoDatabaseUrl,
    /// What names the database is no URL of one. It is not shown, as it may have a password.
    #[error("this is no URL of a PostgreSQL database: it reads postgres://USER:PASSWORD@HOST/DATABASE")]
    InvalidDatabaseUrl,
    /// The database was not reached.
    #[error("the database at {place} was not reached: {}", unreachable(source))]
    Connect {
        /// Where it should be.
        place: String,
        /// What the driver said.
        source: DbErr,
    },
    /// The database is reached through a pooler in transaction mode.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A schema was named that cannot be one.
    #[error(transparent)]
    Schema(#[from] SchemaNameError),
    /// A domain was given that cannot be one.
    #[error("{domain:?} is no host name: {source}")]
    Domain {
        /// The domain as given.
        domain: String,
        /// What is wrong with it.
        source: HostError,
    },
    /// Schemas were named in two ways.
    #[error("-s {schema} (or DATABASE_SCHEMA) names a schema already: leave it or the other flag out")]
    TwoTargets {
        /// The schema.
        schema: String,
    },
    /// What drops data was not told on which schemas.
    #[error(
        "`{action}` drops data, so it wants to be told of which schemas: -s SCHEMA, --tenant A,B, --tenants, --kind KIND \
         or --shared"
    )]
    NoTarget {
        /// What was asked for.
        action: Action,
    },
    /// What drops data was not confirmed.
    #[error(
        "{what} drops data and was not confirmed, so nothing was done: say --yes, or set TENANT_MIGRATION_YES=1 where \
         that flag is not known"
    )]
    NotConfirmed {
        /// What was to be done.
        what: String,
    },
    /// The run could not be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Schemas failed.
    #[error("{}: see above", not_migrated(*failed, *all))]
    Failed {
        /// How many failed or were not reached.
        failed: usize,
        /// How many there were.
        all: usize,
    },
    /// Schemas cannot be migrated as they are.
    #[error("{count} of {all} schemas cannot be migrated as they are")]
    Obstacles {
        /// How many.
        count: usize,
        /// How many there were.
        all: usize,
    },
    /// No tenants were named to work for.
    #[error(
        "for which tenants? -s SCHEMA, --tenant A,B, --tenants, --kind KIND, or --shared for the public tenant"
    )]
    NoTenants,
    /// A statement is not run for tenants.
    #[error("the statement was not run for any tenant: {0}")]
    Refused(#[from] Refusal),
    /// A statement that changes a schema.
    #[error(
        "a change of the schema is not run for tenants, as their ledgers would not know of it: write a migration"
    )]
    ChangesSchema,
    /// This program has no such task.
    #[error("there is no task {name}: {}", tasks(known))]
    NoSuchTask {
        /// The name.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// The pool of pending schemas is not as it should be.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The tenants to work for could not be told.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// Something failed for tenants.
    #[error("{failed} of {all} {} failed: see above", if *all == 1 { "tenant" } else { "tenants" })]
    TenantsFailed {
        /// For how many.
        failed: usize,
        /// How many there were.
        all: usize,
    },
    /// The application's handle could not be made.
    #[error(transparent)]
    Tenants(#[from] ConnectError),
    /// The audit found something.
    #[error("the audit found {}: see above", tally(*errors, *warnings))]
    Audited {
        /// How many errors.
        errors: usize,
        /// How many warnings.
        warnings: usize,
    },
    /// The database was not audited.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A tenant was not created.
    #[error(transparent)]
    Create(#[from] CreateTenantError),
    /// A tenant was not copied.
    #[error(transparent)]
    Clone(#[from] CloneError),
    /// A tenant was not exported.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A tenant was not imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Something was not done to a tenant.
    #[error(transparent)]
    Lifecycle(#[from] LifecycleError),
    /// The catalog could not be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A folder has no set of migrations.
    #[error(
        "{} is not there, so {} is no folder of migrations: name the one of the shared schema or of the tenants, \
         such as -d migration/src/tenant", file.display(), folder.display()
    )]
    NoMigrator {
        /// The folder.
        folder: PathBuf,
        /// The file that it should have.
        file: PathBuf,
    },
    /// A file could not be written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A migration could not be generated.
    #[error("the migration was not generated: {0}")]
    Generate(String),
    /// The result could not be shown.
    #[error("the result could not be shown: {0}")]
    Output(#[from] io::Error),
    /// The database did not answer as it should.
    #[error("{}", reason(.0))]
    Database(#[from] DbErr),
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

fn unreachable(error: &DbErr) -> String {
    match error {
        DbErr::Conn(sea_orm::RuntimeErr::SqlxError(inner))
            if matches!(&**inner, sea_orm::sqlx::Error::PoolTimedOut) =>
        {
            format!(
                "it did not answer for {} seconds. Is it running, and is this its address?",
                TIMEOUT.as_secs()
            )
        }
        error => reason(error),
    }
}

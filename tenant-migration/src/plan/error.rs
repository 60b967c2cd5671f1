//! [`PlanError`] and [`SchemaError`].

use std::sync::Arc;

use sea_orm::DbErr;
use tenant_core::{SchemaName, SchemaNameError, Scope};

use crate::define::LookupError;
use crate::{
    database::reason,
    define::{RoleError, Step, exist},
    plan::target::Action,
};

/// Why a run could not be planned. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The tenant, or the catalog, is not there.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The shared schema was to be emptied while there are tenants.
    #[error(
        "`{action}` on the shared schema is refused while {}: it holds their catalog, and what their tables refer to. \
         Without a schema, `{action}` does every tenant and keeps the shared schema; with a tenant's (`-s TENANT`), \
         it does that tenant. To begin anew with nothing, drop the database and create it again",
        exist(tenants)
    )]
    TenantsExist {
        /// The action.
        action: Action,
        /// The tenants.
        tenants: Vec<SchemaName>,
    },
    /// Two migrations of a set have one name.
    #[error("two migrations of the {} have the name {name}: rename one of them", set(*scope))]
    DuplicateMigration {
        /// The name.
        name: Arc<str>,
        /// The set they are in.
        scope: Scope,
    },
    /// The catalog has a tenant whose schema cannot be one.
    #[error("the catalog has a tenant whose schema cannot be one: {source}")]
    InvalidSchema {
        /// The name in the catalog.
        name: String,
        /// The fault of the name.
        source: SchemaNameError,
    },
    /// The database did not answer as it should.
    #[error("the ledgers could not be read: {}", reason(.0))]
    Database(#[from] DbErr),
}

/// Why a schema was not migrated. What its transaction had done was rolled back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The tenant's schema is not there.
    #[error(
        "the database has no such schema, or does not let this user use it: was it dropped by hand? `fresh` \
         makes it anew"
    )]
    NoSchema,
    /// The schema was in the pool, and a tenant got it between the plan and its execution.
    #[error("a tenant has the schema now, as {schema}: run again, which migrates that")]
    Claimed {
        /// The name that the schema has now.
        schema: SchemaName,
    },
    /// The schema is in the pool, and a migration wrote its name into it.
    #[error(
        "the migrations write the name of the schema into {object}, where it would be wrong when a tenant gets the schema: \
         `tenant pool drain`, and create such tenants without a pool"
    )]
    NamesItself {
        /// The object with the name in it.
        object: String,
    },
    /// The schema has an extension, which the whole database has once: other tenants could not use it.
    #[error(
        "it has the extension {} in its schema, where other tenants cannot use it: let a migration of the shared schema \
         create it (`CREATE SCHEMA extensions; CREATE EXTENSION ... SCHEMA extensions`), and name that schema in \
         `Migrations::with_extension_schemas`. An extension that was there before is moved by \
         `ALTER EXTENSION ... SET SCHEMA extensions`",
        extensions.join(", ")
    )]
    HasExtension {
        /// The extensions.
        extensions: Vec<String>,
    },
    /// The tenant was dropped, or its schema renamed.
    #[error("the catalog has no tenant with this schema any more: it was dropped or renamed meanwhile")]
    NoTenant,
    /// The ledger has migrations that this program does not have.
    #[error(
        "its ledger has {}, which this program does not have: build it from the code that applied it",
        names.join(", ")
    )]
    UnknownMigrations {
        /// The names of the migrations.
        names: Vec<String>,
    },
    /// Somebody rolled back migrations between the plan and its execution.
    #[error("{} was rolled back by somebody else meanwhile: run again", names.join(", "))]
    Changed {
        /// The names of the migrations.
        names: Vec<Arc<str>>,
    },
    /// A migration that runs outside of a transaction was begun and did not end.
    #[error(
        "{} was begun and did not end, so it may be done in part: {} first, which does it again",
        begun(step).0, begun(step).1
    )]
    Unfinished {
        /// The step that was begun.
        step: Step,
    },
    /// A migration that runs outside of a transaction left indexes that PostgreSQL does not use.
    #[error(
        "{migration} left indexes that are not valid: {}. Running again drops them and does the migration again",
        indexes.join(", ")
    )]
    InvalidIndexes {
        /// The migration.
        migration: Arc<str>,
        /// The indexes, with their schemas.
        indexes: Vec<String>,
    },
    /// The session of a migration that runs outside of a transaction was lost, and with it the lock that keeps others from doing
    /// the same.
    #[error(
        "the session was lost while {migration} ran, and the tenant's lock with it: run again, which does it again"
    )]
    SessionLost {
        /// The migration.
        migration: Arc<str>,
    },
    /// The schema has so many tables that one transaction cannot drop and make all of them.
    #[error(
        "it has {relations} tables, indexes and sequences, and `fresh` drops and makes all of them in one transaction, for which \
         the {locks} locks of this server are too few, so nothing was done. Raise its `max_locks_per_transaction` to \
         {max_locks_per_transaction} or more; or `tenant drop`, which works in batches, and `tenant create --reuse-name`"
    )]
    TooLarge {
        /// Number of relations of the schema.
        relations: i64,
        /// Number of locks of the server, for all transactions together.
        locks: i64,
        /// The least value of that setting with which it is done.
        max_locks_per_transaction: i64,
    },
    /// Objects outside of the schema would be dropped with its content.
    #[error(
        "nothing was dropped, because this is outside of the schema and would be dropped with it: {}. Change that so that it \
         does without the schema, and run again",
        by.join(", ")
    )]
    Needed {
        /// The objects, up to ten.
        by: Vec<String>,
    },
    /// A migration failed.
    #[error("{}: {}", could_not(step), reason(source))]
    Migration {
        /// The step that failed.
        step: Step,
        /// The error of the migration.
        source: DbErr,
    },
    /// A hook of the application failed.
    #[error("the hook {hook} its migrations failed: {}", reason(source))]
    Hook {
        /// `before` or `after`.
        hook: &'static str,
        /// The error of the hook.
        source: DbErr,
    },
    /// The SQL of a migration outside of transactions is not shown: running it could not be rolled back.
    #[error("{}, which runs outside of a transaction and could not be taken back: its SQL is not shown", begun(step).0)]
    NotTransactional {
        /// The step.
        step: Step,
    },
    /// It cannot be migrated as it is, so there is nothing to show.
    #[error("{0}")]
    Planned(String),
    /// The shared schema was to be emptied, and tenants were made meanwhile.
    #[error("{}, made meanwhile", exist(tenants))]
    TenantsExist {
        /// The schemas of the tenants.
        tenants: Vec<String>,
    },
    /// The tenant's role was not made, or not given its rights.
    #[error("the tenant's role: {0}")]
    Role(RoleError),
    /// The runtime ended before the work did.
    #[error("the program ended before it was done")]
    Interrupted,
    /// The database did not answer as it should.
    #[error("{}", reason(.0))]
    Database(#[from] DbErr),
}

/// An error of the database is [`SchemaError::Database`] here too, so that a transient one is tried again.
impl From<RoleError> for SchemaError {
    fn from(error: RoleError) -> Self {
        match error {
            RoleError::Database(error) => Self::Database(error),
            error => Self::Role(error),
        }
    }
}

fn set(scope: Scope) -> &'static str {
    match scope {
        Scope::Shared => "shared schema",
        Scope::Tenant => "tenants",
    }
}

fn begun(step: &Step) -> (String, &'static str) {
    match step {
        Step::Up(name) => (format!("applying {name}"), "`up`"),
        Step::Down(name) => (format!("rolling back {name}"), "`down`"),
        step => (step.to_string(), "`fresh`"),
    }
}

fn could_not(step: &Step) -> String {
    match step {
        Step::Up(name) => format!("{name} could not be applied"),
        Step::Fake(name) => format!("{name} could not be recorded"),
        Step::Down(name) => format!("{name} could not be rolled back"),
        Step::Recreate => "its content could not be dropped".to_owned(),
        Step::DropLedger => "its ledger could not be dropped".to_owned(),
    }
}

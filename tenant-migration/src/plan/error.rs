//! [`PlanError`] and [`SchemaError`].

use std::sync::Arc;

use sea_orm::DbErr;
use tenant_core::SchemaName;

use crate::{
    database::{reason, reason_without_details},
    define::{LookupError, RoleError, Step, exist},
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
        /// The schemas of the tenants.
        tenants: Vec<String>,
    },
    /// Two migrations of a migrator have one name.
    #[error("two migrations of a migrator have the name {name}: rename one of them")]
    DuplicateMigration {
        /// The name.
        name: Arc<str>,
    },
    /// The database did not answer as it should.
    #[error("the ledgers could not be read: {}", reason(.0))]
    Database(#[from] DbErr),
}

/// Error of work in a schema. Unless a variant says otherwise, nothing was changed: its transaction was rolled back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The database does not have the schema, or only in another case, or this user has no USAGE right on it.
    #[error(
        "the database has no such schema, or does not let this user use it: check the exact name, and GRANT USAGE on the \
         schema. If it was dropped by hand, `fresh` makes it anew"
    )]
    NoSchema,
    /// The schema has no ledger.
    #[error("its schema has no ledger, so its migrations are not known: `up` first")]
    NoLedger,
    /// The schema was in the pool, and a tenant got it between the plan and its execution.
    #[error("a tenant has the schema now, as {schema}: run again, which migrates that")]
    Claimed {
        /// The name that the schema has now.
        schema: SchemaName,
    },
    /// An object has the name of its schema in a text. A copy of the schema, or a tenant that gets it from the pool, has
    /// another name.
    #[error(
        "{object} has the name of the schema in it, which would be wrong under another name: leave it out, as functions \
         have the tenant's `search_path`. Tenants whose migrations write the name of the schema are created without a \
         pool (`tenant pool drain`), and are not copied"
    )]
    NamesItself {
        /// The object, or the beginning of the statement that creates it.
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
    /// The schema has so many tables that one transaction cannot drop and make, or copy, all of them.
    #[error(
        "it has {relations} tables, indexes and sequences, and the {locks} locks of this server are too few for all of \
         them in one transaction, so nothing was done. Raise its `max_locks_per_transaction` to \
         {max_locks_per_transaction} or more. Or, for `fresh`, `tenant drop`, which works in batches, and `tenant create \
         --reuse-name`; for a copy, `pg_dump`"
    )]
    TooLarge {
        /// Number of relations of the schema.
        relations: i64,
        /// Number of locks of the server, for all transactions together.
        locks: i64,
        /// The least value of that setting with which it is done.
        max_locks_per_transaction: i64,
    },
    /// Objects outside of the schema depend on it and would be dropped with it. A drop may have dropped other objects already.
    #[error(
        "objects outside of its schema depend on it and would be dropped with it: {}. Remove these dependencies, and run it \
         again",
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
    #[error("the hook {hook} failed: {}", reason(source))]
    Hook {
        /// `before its migrations`, `after its migrations` or `that seeds it`.
        hook: &'static str,
        /// The error of the hook.
        source: DbErr,
    },
    /// A migration outside of transactions cannot run where all of it may have to be rolled back.
    #[error(
        "{}, which is refused in a transaction (`use_transaction`): its SQL cannot be shown, and no tenant is created with it. \
         If the schema is new, let the migration allow a transaction",
        begun(step).0
    )]
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
    /// The caller dropped the future, or the runtime ended before the work did. A drop or an import goes on when it is called
    /// again.
    #[error("the program ended before it was done: run it again")]
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

impl SchemaError {
    /// Returns the migration that failed, if it was one.
    pub(crate) fn migration(&self) -> Option<&str> {
        match self {
            Self::Migration { step, .. } | Self::Unfinished { step } | Self::NotTransactional { step } => {
                step.migration()
            }
            Self::InvalidIndexes { migration, .. } | Self::SessionLost { migration } => Some(migration),
            _ => None,
        }
    }

    /// Returns the text without PostgreSQL's detail and hint, which may repeat rows.
    pub(crate) fn without_details(&self) -> String {
        match self {
            Self::Migration { step, source } => {
                format!("{}: {}", could_not(step), reason_without_details(source))
            }
            Self::Hook { hook, source } => {
                format!("the hook {hook} failed: {}", reason_without_details(source))
            }
            Self::Database(source) => reason_without_details(source),
            error => error.to_string(),
        }
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

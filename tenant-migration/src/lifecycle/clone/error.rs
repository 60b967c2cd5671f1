//! [`CloneError`]: errors of [`clone_tenant`](super::clone_tenant).

use tenant_core::SchemaName;

use crate::lifecycle::{LifecycleError, create::CreateTenantError};

/// Error of copying a tenant. Unless it is [`CreateTenantError::CommitUnknown`], nothing was created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloneError {
    /// The new tenant cannot be created.
    #[error(transparent)]
    New(#[from] CreateTenantError),
    /// The source does not exist, or cannot be copied in its status.
    #[error(transparent)]
    Source(#[from] LifecycleError),
    /// The source's schema has no ledger, so its migrations are unknown.
    #[error(
        "tenant {source_schema} is not copied, because its schema has no ledger: run `up -s {source_schema}` first"
    )]
    NoLedger {
        /// The source's schema.
        source_schema: SchemaName,
    },
    /// A non-transactional migration of the source was begun and did not end.
    #[error(
        "tenant {source_schema} is not copied, because {step} was begun in its schema and did not end: run \
         `up -s {source_schema}` first"
    )]
    Unfinished {
        /// The source's schema.
        source_schema: SchemaName,
        /// Unfinished step.
        step: String,
    },
    /// A template has pending migrations, which a tenant created from it would not have.
    #[error(
        "no tenant is created from {source_schema}, because it is behind this program: {} {next}. Run \
         `up --tenant {source_schema}` first",
        lacks(*pending)
    )]
    Behind {
        /// The template's schema.
        source_schema: SchemaName,
        /// The first migration that it does not have.
        next: String,
        /// Number of migrations that it does not have.
        pending: usize,
    },
    /// The kinds of the source and the new tenant have different migrations.
    #[error(
        "tenant {source_schema} is not copied, because it is of kind {source_kind}, and {new_kind} has other migrations: give \
         the copy a kind with the same migrations"
    )]
    OtherMigrations {
        /// The source's schema.
        source_schema: SchemaName,
        /// The source's kind.
        source_kind: String,
        /// The new tenant's kind.
        new_kind: String,
    },
    /// The source has an object that cannot be created from PostgreSQL's catalogs, or copied.
    #[error("tenant {source_schema} is not copied: {object}. Remove that, or copy the tenant with `pg_dump`")]
    Unsupported {
        /// The source's schema.
        source_schema: SchemaName,
        /// Description of the object.
        object: String,
    },
    /// A text in the source names its schema, so the copy would reach the source's rows.
    #[error(
        "tenant {source_schema} is not copied, because a text in it names its schema: {statement} .... Remove the schema's \
         name there: functions have the tenant's `search_path`"
    )]
    NamesItself {
        /// The source's schema.
        source_schema: SchemaName,
        /// Beginning of the statement that creates the object with the text.
        statement: String,
    },
    /// The source has so many relations that one transaction would take the locks that other sessions need.
    #[error(
        "tenant {source_schema} is not copied, because it has {relations} tables, indexes and sequences. Copying locks each of \
         them and its copy, which is more than a quarter of the {locks} locks of this server. Raise \
         `max_locks_per_transaction`, or copy the tenant with `pg_dump`"
    )]
    TooLarge {
        /// The source's schema.
        source_schema: SchemaName,
        /// Number of tables, indexes and sequences.
        relations: i64,
        /// Number of locks that the server has for all transactions.
        locks: i64,
    },
    /// The copy differs from the source, or depends on it. It was rolled back.
    #[error(
        "the copy of tenant {source_schema} was rolled back, because it was not exact: {difference}. Please report this"
    )]
    Differs {
        /// The source's schema.
        source_schema: SchemaName,
        /// Description of the difference.
        difference: String,
    },
}

fn lacks(pending: usize) -> String {
    match pending {
        1 => "it lacks".to_owned(),
        pending => format!("it lacks {pending} migrations, the first of which is"),
    }
}

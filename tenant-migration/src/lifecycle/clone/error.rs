//! [`CloneError`]: why a tenant was not copied.

use tenant_core::SchemaName;

use crate::lifecycle::{LifecycleError, create::CreateTenantError};

/// Why a tenant was not copied. Nothing of the copy was kept, unless it is [`CreateTenantError::CommitUnknown`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloneError {
    /// The new tenant cannot be made.
    #[error(transparent)]
    New(#[from] CreateTenantError),
    /// The source is not there, or in no status to be copied.
    #[error(transparent)]
    Source(#[from] LifecycleError),
    /// The source's schema has no ledger, so it is not known what it is.
    #[error(
        "tenant {source_schema} is not copied, because its schema has no ledger: `up -s {source_schema}` first"
    )]
    NoLedger {
        /// The source's schema.
        source_schema: SchemaName,
    },
    /// A migration of the source that runs outside of a transaction was begun and did not end.
    #[error(
        "tenant {source_schema} is not copied, because {step} was begun there and did not end: `up -s {source_schema}` first"
    )]
    Unfinished {
        /// The source's schema.
        source_schema: SchemaName,
        /// What was begun.
        step: String,
    },
    /// A template has not all migrations, so a tenant made from it would not have them.
    #[error(
        "no tenant is created from {source_schema}, because that is behind this program: {} {next}. `up --tenant {source_schema}` first",
        lacks(*pending)
    )]
    Behind {
        /// The template's schema.
        source_schema: SchemaName,
        /// The first migration that it does not have.
        next: String,
        /// How many it does not have.
        pending: usize,
    },
    /// The kinds have migrations of their own.
    #[error(
        "tenant {source_schema} is of kind {source_kind}, and {new_kind} has other migrations: give the copy a kind with the \
         same ones"
    )]
    OtherMigrations {
        /// The source's schema.
        source_schema: SchemaName,
        /// The source's kind.
        source_kind: String,
        /// The kind that the new tenant was to have.
        new_kind: String,
    },
    /// The source has something that cannot be made again from the catalogs, or copied.
    #[error("tenant {source_schema} cannot be copied: {object}. Copy it with `pg_dump`, or do without that")]
    Unsupported {
        /// The source's schema.
        source_schema: SchemaName,
        /// What it is.
        object: String,
    },
    /// A text of the source has the name of its schema in it, so that the copy would reach the source's rows.
    #[error(
        "tenant {source_schema} cannot be copied, because a text in it names its schema: {statement} .... Leave the schema \
         out there: functions have the tenant's `search_path`"
    )]
    NamesItself {
        /// The source's schema.
        source_schema: SchemaName,
        /// The beginning of the statement that would make it again.
        statement: String,
    },
    /// The source has so many tables that one transaction over all of them would take the locks that others need.
    #[error(
        "tenant {source_schema} has {relations} tables, indexes and sequences, and a copy locks each and its copy: more than \
         a quarter of the {locks} locks of this server. Raise `max_locks_per_transaction`, or copy it with `pg_dump`"
    )]
    TooLarge {
        /// The source's schema.
        source_schema: SchemaName,
        /// How many it has.
        relations: i64,
        /// How many locks the server has for all transactions.
        locks: i64,
    },
    /// The copy is not the same, or depends on the source. It was rolled back.
    #[error(
        "the copy of tenant {source_schema} was rolled back, because it was not a copy: {difference}. Please report this"
    )]
    Differs {
        /// The source's schema.
        source_schema: SchemaName,
        /// Where.
        difference: String,
    },
}

fn lacks(pending: usize) -> String {
    match pending {
        1 => "it lacks".to_owned(),
        pending => format!("it lacks {pending} migrations, the first of which is"),
    }
}

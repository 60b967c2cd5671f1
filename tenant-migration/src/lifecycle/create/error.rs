//! [`CreateTenantError`]: errors of [`create_tenant`](super::create_tenant).

use sea_orm::DbErr;
use tenant_core::SchemaName;

use crate::define::LookupError;
use crate::lifecycle::name_availability::NameError;
use crate::{
    database::{SessionError, reason},
    define::RoleError,
};

/// Error of the creation of a tenant. Unless it is [`CommitUnknown`](Self::CommitUnknown), nothing was created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateTenantError {
    /// The name of the schema or the domain is not available.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The database has no catalog.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// A pending schema was not created, because it could not be renamed for a tenant.
    #[error(
        "no pending schema was created for tenants of kind {kind}: their migrations write the name of the schema ({schema}) into \
         {object}, where it would be wrong after a tenant gets the schema. Create such tenants without a pool"
    )]
    NamesItself {
        /// The schema.
        schema: SchemaName,
        /// The kind.
        kind: String,
        /// Object with the schema's name in it.
        object: String,
    },
    /// A migration needs a session of its own.
    #[error(
        "tenant {schema} was not created, because its migrations need several transactions of one session: {source}"
    )]
    Session {
        /// The schema.
        schema: SchemaName,
        /// Reason.
        source: SessionError,
    },
    /// A migration failed.
    #[error(
        "tenant {schema} was not created: migration {name} failed: {}",
        reason(source)
    )]
    Migration {
        /// The schema.
        schema: SchemaName,
        /// The migration.
        name: String,
        /// Error that it returned.
        source: DbErr,
    },
    /// The seed hook ([`TenantHooks::seed`](crate::TenantHooks::seed)) failed.
    #[error(
        "tenant {schema} was not created: the hook that seeds it failed: {}",
        reason(source)
    )]
    Seed {
        /// The schema.
        schema: SchemaName,
        /// Error that it returned.
        source: DbErr,
    },
    /// The tenant's role was not created, or not given its rights.
    #[error("tenant {schema} was not created: its role: {source}")]
    Role {
        /// The schema.
        schema: SchemaName,
        /// Reason.
        source: RoleError,
    },
    /// The connection was lost during COMMIT.
    #[error(
        "the connection was lost during COMMIT, so tenant {schema} may or may not exist: look it up before you try again \
         ({})",
        reason(source)
    )]
    CommitUnknown {
        /// The schema.
        schema: SchemaName,
        /// The driver's error.
        source: DbErr,
    },
    /// The caller dropped the future, or the runtime ended.
    #[error("tenant {schema} was not created, because the program was interrupted: create it again")]
    Interrupted {
        /// The schema.
        schema: SchemaName,
    },
    /// A query failed.
    #[error("tenant {schema} was not created: {}", reason(source))]
    Database {
        /// The schema.
        schema: SchemaName,
        /// The driver's error.
        source: DbErr,
    },
}

//! [`CreateTenantError`].

use sea_orm::DbErr;
use tenant_core::SchemaName;

use crate::define::LookupError;
use crate::lifecycle::name_availability::NameError;
use crate::{database::reason, define::RoleError};

/// Why a tenant was not created. Nothing of it was kept, unless it is [`CommitUnknown`](Self::CommitUnknown).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateTenantError {
    /// The name of the schema or the domain is not to be had.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The database has no catalog.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// A schema was not made ahead, because it could not get another name.
    #[error(
        "no schema was made ahead for tenants of kind {kind}: their migrations write the name of the schema ({schema}) into {object}, \
         where it would be wrong when a tenant gets the schema. Create such tenants without a pool"
    )]
    NamesItself {
        /// The schema.
        schema: SchemaName,
        /// The kind.
        kind: String,
        /// What has its name in it.
        object: String,
    },
    /// A migration of the tenants cannot run in the transaction that creates one.
    #[error(
        "tenant {schema} was not created, because migration {migration} refuses to run in a transaction \
         (`use_transaction`), and a tenant is created in one: let it, where the schema is new"
    )]
    NotTransactional {
        /// The schema.
        schema: SchemaName,
        /// The migration.
        migration: String,
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
        /// What it returned.
        source: DbErr,
    },
    /// What the application does for a new tenant ([`TenantHooks::seed`](crate::TenantHooks::seed)) failed.
    #[error(
        "tenant {schema} was not created: the hook that seeds it failed: {}",
        reason(source)
    )]
    Seed {
        /// The schema.
        schema: SchemaName,
        /// What it returned.
        source: DbErr,
    },
    /// The tenant's role was not made, or not given its rights.
    #[error("tenant {schema} was not created: its role: {source}")]
    Role {
        /// The schema.
        schema: SchemaName,
        /// Why not.
        source: RoleError,
    },
    /// The connection was lost while the transaction was being committed.
    #[error(
        "tenant {schema} is created or not: the connection was lost during COMMIT. Look it up before you try again \
         ({})",
        reason(source)
    )]
    CommitUnknown {
        /// The schema.
        schema: SchemaName,
        /// What the driver said.
        source: DbErr,
    },
    /// Nobody waited for the tenant any more, or the runtime ended.
    #[error("tenant {schema} was not created: the program gave up before it was done")]
    Interrupted {
        /// The schema.
        schema: SchemaName,
    },
    /// The database did not answer as it should.
    #[error("tenant {schema} was not created: {}", reason(source))]
    Database {
        /// The schema.
        schema: SchemaName,
        /// What the driver said.
        source: DbErr,
    },
}

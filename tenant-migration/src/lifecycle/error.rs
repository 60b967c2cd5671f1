//! [`LifecycleError`]: why something was not done to a tenant.

use sea_orm::DbErr;
use tenant_core::{SchemaName, TenantStatus};

use crate::error::reason;

/// Why something was not done to a tenant. Unless a variant says otherwise, nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LifecycleError {
    /// The catalog has no such tenant.
    #[error("there is no tenant {schema} in the catalog: `tenant list` shows those there are")]
    NoSuchTenant {
        /// The schema that was asked for.
        schema: SchemaName,
    },
    /// The database has no catalog.
    #[error(
        "there is no tenant {schema}, because the database has no catalog yet: migrate the shared schema first \
         (`up`), with `tenant_migration::catalog::migrations()` among its migrations"
    )]
    NoCatalog {
        /// The schema that was asked for.
        schema: SchemaName,
    },
    /// The public tenant has no schema of its own.
    #[error("the public tenant is the main site on the shared schema: {action} is for other tenants")]
    PublicTenant {
        /// What was to be done.
        action: &'static str,
    },
    /// The tenant is in another status than what was to be done needs.
    #[error("tenant {schema} is {status}: {hint}")]
    WrongStatus {
        /// The tenant's schema.
        schema: SchemaName,
        /// Its status.
        status: TenantStatus,
        /// What to do first.
        hint: &'static str,
    },
    /// The database did not answer as it should.
    #[error("{}", reason(.0))]
    Database(#[from] DbErr),
}

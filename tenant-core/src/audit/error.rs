//! [`AuditError`]: errors of an audit.

use sea_orm::DbErr;

use crate::registry::RegistryError;

/// Error of an audit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The database has no catalog, so the schemas of tenants are unknown.
    #[error(
        "the database has no catalog yet, so there are no tenants to audit: migrate the shared schema first"
    )]
    NoCatalog,
    /// An annotated entity or enum cannot work.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The runtime ended before the audit did.
    #[error("the program ended before the audit was done")]
    Interrupted,
    /// The database did not answer as it should.
    #[error("the database could not be audited: {0}")]
    Database(#[from] DbErr),
}

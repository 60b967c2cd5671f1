//! [`LookupError`]: tenants that are not found.

use sea_orm::DbErr;
use tenant_core::{SchemaName, catalog::CatalogError};

/// A tenant was not found. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// The catalog has no such tenant.
    #[error("there is no tenant {schema} in the catalog: `tenant list` shows those there are")]
    NoSuchTenant {
        /// The schema that was asked for.
        schema: SchemaName,
    },
    /// The database has no catalog, or an older version's.
    #[error(
        "the database has no catalog yet, or an older version's: migrate the shared schema first (`up -s public`), \
         with `tenant_migration::catalog::migrations()` among its migrations"
    )]
    NoCatalog,
    /// The catalog could not be read.
    #[error(transparent)]
    Catalog(CatalogError),
}

impl From<CatalogError> for LookupError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::NoCatalog => Self::NoCatalog,
            error => Self::Catalog(error),
        }
    }
}

impl From<DbErr> for LookupError {
    fn from(error: DbErr) -> Self {
        CatalogError::from(error).into()
    }
}

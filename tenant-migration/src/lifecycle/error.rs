//! [`LifecycleError`]: why something was not done to a tenant.

use sea_orm::DbErr;
use tenant_core::{Host, SchemaName, TenantStatus};

use crate::error::{RoleError, reason};

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
    /// The tenant's schema is behind this program.
    #[error("tenant {schema} is behind this program: `up --tenant {schema}` first")]
    Behind {
        /// The tenant's schema.
        schema: SchemaName,
    },
    /// The domain is another tenant's.
    #[error("the domain {domain} is taken by another tenant")]
    DomainTaken {
        /// The domain.
        domain: Host,
    },
    /// The tenant has no such domain.
    #[error("tenant {schema} has no domain {domain}: `tenant domain list {schema}` shows those it has")]
    NoSuchDomain {
        /// The tenant's schema.
        schema: SchemaName,
        /// The domain.
        domain: Host,
    },
    /// The primary domain is the one that links are made of.
    #[error(
        "{domain} is the primary domain of tenant {schema}, which has others: make one of those the primary domain first"
    )]
    PrimaryDomain {
        /// The tenant's schema.
        schema: SchemaName,
        /// The domain.
        domain: Host,
    },
    /// Something outside of the tenant's schema needs what is in it.
    #[error(
        "tenant {schema} is not dropped while what is not its own needs it: {}. Drop that first; what was dropped of the \
         tenant already is gone, and dropping it again goes on",
        by.join(", ")
    )]
    Needed {
        /// The tenant's schema.
        schema: SchemaName,
        /// What needs it.
        by: Vec<String>,
    },
    /// The tenant's role was not dropped. All else of the tenant is.
    #[error("tenant {schema} is dropped but for its role: {source}. Dropping it again drops that")]
    Role {
        /// The tenant's schema.
        schema: SchemaName,
        /// Why not.
        source: RoleError,
    },
    /// The runtime ended before the work did. Doing it again goes on.
    #[error("tenant {schema}: the program ended before it was done, and doing it again goes on")]
    Interrupted {
        /// The tenant's schema.
        schema: SchemaName,
    },
    /// The database did not answer as it should.
    #[error("{}", reason(.0))]
    Database(#[from] DbErr),
}

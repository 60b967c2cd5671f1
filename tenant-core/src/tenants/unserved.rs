//! [`Unserved`]: tenants that are not served now.

use super::Tenants;
use crate::{
    catalog::CatalogError,
    connection::TenantConnection,
    schema_name::SchemaName,
    tenant::{Tenant, TenantRef, TenantStatus},
};

/// Reason for which a tenant is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unserved {
    /// The catalog has no such tenant any more: it was dropped.
    #[error("there is no tenant {0} any more")]
    Gone(TenantRef),
    /// The tenant with this id has another schema: it was renamed, or the reference is from another database.
    #[error(
        "tenant {reference} has the schema {found} now: the reference is from before a renaming, or from another database. \
         Store the job again if it is for this tenant"
    )]
    OtherSchema {
        /// The reference.
        reference: TenantRef,
        /// The schema of the tenant with this id.
        found: SchemaName,
    },
    /// The tenant has a status in which it is not served.
    #[error("tenant {tenant} is {status}")]
    Status {
        /// The tenant.
        tenant: TenantRef,
        /// Its status.
        status: TenantStatus,
    },
    /// The tenant's schema lacks migrations that the application expects.
    #[error("tenant {0}: its schema is behind the application. Migrate it")]
    Behind(TenantRef),
    /// The catalog could not be read, or the tenant's data not be loaded.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Unserved {
    /// True if it may pass by itself, so that a job is worth another try later: the tenant is suspended, in maintenance, being
    /// created or behind, or the catalog was not reached.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Gone(_) | Self::OtherSchema { .. } => false,
            Self::Status { status, .. } => !matches!(status, TenantStatus::Archived | TenantStatus::Dropping),
            Self::Behind(_) | Self::Catalog(_) => true,
        }
    }
}

impl Tenants {
    /// Returns the connection of a tenant that was stored with a job, if the tenant is served now, as for a request. It is read
    /// from the catalog, and its data is loaded. `examples/jobs` in the repository has a worker of a queue that uses it.
    ///
    /// # Errors
    /// [`Unserved`] if the tenant is gone or not served, the catalog cannot be read, or its data cannot be loaded.
    ///
    /// # Example
    /// ```no_run
    /// use tenant_core::{TenantRef, Tenants, context};
    ///
    /// async fn work(tenants: &Tenants, tenant: &TenantRef) -> Result<(), Box<dyn std::error::Error>> {
    ///     match tenants.resolve(tenant).await {
    ///         Ok(db) => context::scope(db.tenant().clone(), async { /* the job, with `db` */ }).await,
    ///         Err(error) if error.may_pass() => return Err(error.into()), // the queue tries again
    ///         Err(error) => tracing::warn!(%error, "a job is given up"),
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn resolve(&self, reference: &TenantRef) -> Result<TenantConnection, Unserved> {
        let found = self.by_id(reference.id).await?;
        let tenant = found.ok_or_else(|| Unserved::Gone(reference.clone()))?;
        if *tenant.schema() != reference.schema {
            return Err(Unserved::OtherSchema {
                reference: reference.clone(),
                found: tenant.schema().clone(),
            });
        }
        self.check_served(&tenant)?;
        let tenant = self.load_data(&tenant).await?;
        Ok(self.connection(&tenant))
    }

    /// Refuses a tenant that is not served now. The status has priority over the version.
    pub(crate) fn check_served(&self, tenant: &Tenant) -> Result<(), Unserved> {
        if tenant.status() != TenantStatus::Active {
            return Err(Unserved::Status {
                tenant: tenant.reference(),
                status: tenant.status(),
            });
        }
        let Some(check) = self.version_check() else {
            return Ok(());
        };
        if check.refuses(tenant) {
            return Err(Unserved::Behind(tenant.reference()));
        }
        check.warn(tenant);
        Ok(())
    }
}

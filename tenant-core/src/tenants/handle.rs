//! [`Tenants`]: the application's handle.

use std::sync::Arc;

use sea_orm::{DatabaseConnection, DbErr};

use super::{
    host_cache::HostCache,
    schema_versions::{VersionCheck, VersionSkew},
};
use crate::{
    catalog::{CatalogError, TenantStore},
    connection::{TenantConnection, TenantRoleNames},
    host::Host,
    pool::{Pool, PoolStatus},
    schema_name::SchemaName,
    sql::{Compiler, Rules},
    tenant::Tenant,
};

/// The application's handle: the catalog, the resolver and the connections of all tenants. Cheap to clone.
///
/// # Example
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use tenant_core::{SchemaName, Tenants};
///
/// let tenants = Tenants::connect("postgres://localhost/app").await?;
/// if let Some(acme) = tenants.by_schema(&SchemaName::new("acme")?).await? {
///     let db = tenants.connection(&acme);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Tenants(Arc<Parts>);

/// Parts of a handle.
#[derive(Debug)]
pub(super) struct Parts {
    /// The plain connection for the shared schema.
    pub(super) db: DatabaseConnection,
    /// The connections of tenants, unless the application brought its own.
    pub(super) pool: Option<Pool>,
    pub(super) store: Arc<dyn TenantStore>,
    pub(super) host_cache: HostCache,
    pub(super) compiler: Compiler,
    pub(super) roles: Option<TenantRoleNames>,
    pub(super) version_check: Option<VersionCheck>,
}

impl Tenants {
    pub(super) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The connection of a tenant.
    ///
    /// Whether the tenant is served is not asked here: a job may work for a suspended tenant. Requests get
    /// their connection by the layer, which asks.
    #[must_use]
    pub fn connection(&self, tenant: &Tenant) -> TenantConnection {
        TenantConnection::with_compiler(
            self.0.db.clone(),
            tenant.clone(),
            self.0.compiler.clone(),
            self.0.roles.clone(),
        )
        .with_pool(self.0.pool.clone())
    }

    /// The tenant of a host name, which may be remembered for as long as
    /// [`TenantsBuilder::host_cache_ttl`] says.
    ///
    /// # Errors
    /// [`CatalogError`] if the catalog cannot be read.
    pub async fn by_host(&self, host: &Host) -> Result<Option<Tenant>, CatalogError> {
        if let Some(tenant) = self.0.host_cache.get(host) {
            return Ok(Some(tenant));
        }
        let begun = self.0.host_cache.generation();
        let found = self.0.store.by_domain(host).await?;
        let refused = |tenant: &&Tenant| self.version_check().is_some_and(|check| check.refuses(tenant));
        // One that is refused for its version is served as soon as it is migrated.
        if let Some(tenant) = found.as_ref().filter(|tenant| !refused(tenant)) {
            self.0.host_cache.insert(host, tenant.clone(), begun);
        }
        Ok(found)
    }

    /// The tenant of a schema, as the catalog has it now.
    ///
    /// # Errors
    /// [`CatalogError`] if the catalog cannot be read.
    pub async fn by_schema(&self, schema: &SchemaName) -> Result<Option<Tenant>, CatalogError> {
        self.0.store.by_schema(schema).await
    }

    /// All tenants, in the order of their schemas, as the catalog has them now.
    ///
    /// # Errors
    /// [`CatalogError`] if the catalog cannot be read.
    pub async fn list(&self) -> Result<Vec<Tenant>, CatalogError> {
        self.0.store.list().await
    }

    /// Forgets which host is which tenant's. To be called after a change to the catalog that this process
    /// made and that must be seen at once.
    pub fn forget_hosts(&self) {
        self.0.host_cache.clear();
    }

    /// The plain connection for the shared schema: the catalog, and lifecycle functions. A `#[tenant]` entity does not
    /// work on it. It has up to 4 connections of its own, and opens them when they are used.
    #[must_use]
    pub fn shared_connection(&self) -> &DatabaseConnection {
        &self.0.db
    }

    /// How far the tenant's schema is from what [`TenantsBuilder::expect_versions`] says, as far as this value of the
    /// tenant tells. Unknown if nothing is expected.
    #[must_use]
    pub fn version_skew(&self, tenant: &Tenant) -> VersionSkew {
        self.version_check()
            .map_or(VersionSkew::Unknown, |check| check.compare(tenant))
    }

    pub(crate) fn version_check(&self) -> Option<&VersionCheck> {
        self.0.version_check.as_ref()
    }

    pub(crate) fn rules(&self) -> &Rules {
        self.0.compiler.rules()
    }

    /// Figures of the connections of tenants. `None` if the application brought its own connection.
    #[must_use]
    pub fn pool_status(&self) -> Option<PoolStatus> {
        self.0.pool.as_ref().map(Pool::status)
    }

    /// Closes the connections to the database, after those in use are given back.
    ///
    /// # Errors
    /// [`DbErr`] if a connection could not be closed.
    pub async fn close(&self) -> Result<(), DbErr> {
        if let Some(pool) = &self.0.pool {
            pool.close().await;
        }
        self.0.db.close_by_ref().await
    }
}

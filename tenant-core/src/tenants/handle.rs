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
    tenant::{Tenant, TenantId},
};

/// The application's handle: the catalog and the connections of all tenants. Cheap to clone.
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

    /// Returns the connection of a tenant.
    ///
    /// The status of the tenant is not checked here: a job may work for a suspended tenant. Requests get their
    /// connection from the layer, which checks it.
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

    /// Returns the tenant of a host name. It may be cached for
    /// [`TenantsBuilder::host_cache_ttl`](crate::TenantsBuilder::host_cache_ttl).
    ///
    /// # Errors
    /// [`CatalogError`] if the catalog cannot be read.
    pub async fn by_host(&self, host: &Host) -> Result<Option<Tenant>, CatalogError> {
        if let Some(tenant) = self.0.host_cache.get(host) {
            return Ok(Some(tenant));
        }
        let generation = self.0.host_cache.generation();
        let found = self.0.store.by_domain(host).await?;
        let refused = |tenant: &&Tenant| self.version_check().is_some_and(|check| check.refuses(tenant));
        // A tenant that is refused for its version is not cached, so that it is served as soon as it is migrated.
        if let Some(tenant) = found.as_ref().filter(|tenant| !refused(tenant)) {
            self.0.host_cache.insert(host, tenant.clone(), generation);
        }
        Ok(found)
    }

    /// Returns the tenant of a schema. It is read from the catalog.
    ///
    /// # Errors
    /// [`CatalogError`] if the catalog cannot be read.
    pub async fn by_schema(&self, schema: &SchemaName) -> Result<Option<Tenant>, CatalogError> {
        self.0.store.by_schema(schema).await
    }

    /// Returns the tenant with an id, such as one that a job was stored with. It is read from the catalog.
    ///
    /// # Errors
    /// [`CatalogError`] if the catalog cannot be read.
    pub async fn by_id(&self, id: TenantId) -> Result<Option<Tenant>, CatalogError> {
        self.0.store.by_id(id).await
    }

    /// Returns all tenants, in the order of their schemas. They are read from the catalog.
    ///
    /// # Errors
    /// [`CatalogError`] if the catalog cannot be read.
    pub async fn list(&self) -> Result<Vec<Tenant>, CatalogError> {
        self.0.store.list().await
    }

    /// Drops all cached hosts. Call it after this process changed the catalog.
    pub fn forget_hosts(&self) {
        self.0.host_cache.clear();
    }

    /// Returns the plain connection for the shared schema, for shared entities and lifecycle functions. A `#[tenant]`
    /// entity does not work on it. It opens up to 4 connections of its own, when they are used.
    #[must_use]
    pub fn shared_connection(&self) -> &DatabaseConnection {
        &self.0.db
    }

    /// Compares the version in `tenant` with the migrations of
    /// [`TenantsBuilder::expect_versions`](crate::TenantsBuilder::expect_versions). Unknown if none are expected.
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

    /// Returns figures of the connections of tenants. `None` if the application brought its own connection.
    #[must_use]
    pub fn pool_status(&self) -> Option<PoolStatus> {
        self.0.pool.as_ref().map(Pool::status)
    }

    /// Waits until no connection is in use, and closes all of them.
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

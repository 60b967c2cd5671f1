//! [`Tenants`]: the application's handle.

use std::{collections::HashSet, sync::Arc};

use sea_orm::{DatabaseConnection, DbErr};

use super::{
    host_cache::Changes,
    lookup::{CacheStatus, Lookup},
    schema_versions::{VersionCheck, VersionSkew},
};
use crate::{
    catalog::CatalogError,
    connection::{TenantConnection, TenantRoleNames},
    host::Host,
    pool::{Pool, PoolStatus},
    resolve::TenantKey,
    schema_name::SchemaName,
    sql::{Compiler, Rules, StatementStatus},
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
    pub(super) lookup: Arc<Lookup>,
    pub(super) compiler: Compiler,
    pub(super) roles: Option<TenantRoleNames>,
    pub(super) extension_schemas: Arc<[SchemaName]>,
    #[cfg(feature = "metrics")]
    pub(super) request_metrics: crate::metrics::RequestMetrics,
    /// The task that hears of changes by other processes.
    #[cfg(feature = "sqlx-postgres")]
    pub(super) listener: Option<super::listener::Listener>,
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
        .with_extension_schemas(&self.0.extension_schemas)
    }

    /// Returns the tenant of a host name. It may be cached: see
    /// [`TenantsBuilder::host_cache_ttl`](crate::TenantsBuilder::host_cache_ttl).
    ///
    /// # Errors
    /// [`CatalogError`] if the catalog cannot be read.
    pub async fn by_host(&self, host: &Host) -> Result<Option<Tenant>, CatalogError> {
        self.find(&TenantKey::Host(host.clone())).await
    }

    /// Returns the tenant of a key, such as a resolver finds in a request. It may be cached: see
    /// [`TenantsBuilder::host_cache_ttl`](crate::TenantsBuilder::host_cache_ttl). Its status is not checked.
    ///
    /// # Errors
    /// [`CatalogError`] if the catalog cannot be read.
    pub async fn find(&self, key: &TenantKey) -> Result<Option<Tenant>, CatalogError> {
        self.0.lookup.find(key).await
    }

    /// Returns the cached answer for a key, if there is one. Never reads the catalog.
    #[cfg(any(feature = "axum", feature = "actix"))]
    pub(crate) fn cached(&self, key: &TenantKey) -> Option<Option<Tenant>> {
        self.0.lookup.cached(key)
    }

    /// Returns the tenant of a schema. It is read from the catalog, and has no data of the application: see
    /// [`load_data`](Self::load_data).
    ///
    /// # Errors
    /// [`CatalogError`] if the catalog cannot be read.
    pub async fn by_schema(&self, schema: &SchemaName) -> Result<Option<Tenant>, CatalogError> {
        let found = self.0.lookup.store.by_schema(schema).await?;
        Ok(found.map(|tenant| tenant.with_origin(self.0.lookup.origin)))
    }

    /// Returns the tenant with an id. It is read from the catalog, and has no data of the application: see
    /// [`load_data`](Self::load_data). For a job that was stored with its tenant, use [`resolve`](Self::resolve).
    ///
    /// # Errors
    /// [`CatalogError`] if the catalog cannot be read.
    pub async fn by_id(&self, id: TenantId) -> Result<Option<Tenant>, CatalogError> {
        let found = self.0.lookup.store.by_id(id).await?;
        Ok(found.map(|tenant| tenant.with_origin(self.0.lookup.origin)))
    }

    /// Returns all tenants, in the order of their schemas. They are read from the catalog, and have no data of the
    /// application: see [`load_data`](Self::load_data).
    ///
    /// # Errors
    /// [`CatalogError`] if the catalog cannot be read.
    pub async fn list(&self) -> Result<Vec<Tenant>, CatalogError> {
        let all = self.0.lookup.store.list().await?.into_iter();
        Ok(all
            .map(|tenant| tenant.with_origin(self.0.lookup.origin))
            .collect())
    }

    /// Runs the loader of [`TenantsBuilder::with_data`](crate::TenantsBuilder::with_data) for a tenant, and returns the tenant
    /// with its data. Without a loader, the tenant is returned as it is.
    ///
    /// Requests and [`resolve`](Self::resolve) do this themselves. Call it for a tenant of [`by_id`](Self::by_id),
    /// [`by_schema`](Self::by_schema) or [`list`](Self::list). The status is not checked, and nothing is cached.
    ///
    /// # Errors
    /// [`CatalogError::Data`] or [`CatalogError::DataTimeout`] if the loader fails.
    pub async fn load_data(&self, tenant: &Tenant) -> Result<Tenant, CatalogError> {
        self.0.lookup.load_data(tenant.clone()).await
    }

    /// Drops all cached hosts and other keys. Call it after this process changed the catalog, to see the change at once
    /// also where no listener is connected.
    pub fn forget_hosts(&self) {
        self.0.lookup.clear();
    }

    /// Drops the cached keys of one tenant with its data. Call it after this process changed what the loader of
    /// [`TenantsBuilder::with_data`](crate::TenantsBuilder::with_data) reads.
    pub fn forget_tenant(&self, tenant: TenantId) {
        let tenants = HashSet::from([tenant]);
        self.0.lookup.invalidate(&Changes {
            tenants,
            ..Changes::default()
        });
    }

    /// Returns figures of the cache of hosts and other keys.
    #[must_use]
    pub fn cache_status(&self) -> CacheStatus {
        self.0.lookup.status()
    }

    /// Returns the plain connection for the shared schema, for shared entities and lifecycle functions. It opens up to 4
    /// connections of its own, when they are used.
    ///
    /// A `#[tenant]` entity does not work on it: PostgreSQL answers `relation "$tenant.note" does not exist`. Use
    /// [`connection`](Self::connection) for it.
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
        self.0.lookup.version_check.as_ref()
    }

    pub(super) fn compiler(&self) -> &Compiler {
        &self.0.compiler
    }

    /// True if statements run as the roles of their tenants.
    pub(super) fn runs_as_roles(&self) -> bool {
        self.0.roles.is_some()
    }

    pub(crate) fn rules(&self) -> &Rules {
        self.0.compiler.rules()
    }

    pub(super) fn extension_schemas(&self) -> &[SchemaName] {
        &self.0.extension_schemas
    }

    /// Returns figures of the connections of tenants. `None` if the application brought its own connection.
    #[must_use]
    pub fn pool_status(&self) -> Option<PoolStatus> {
        self.0.pool.as_ref().map(Pool::status)
    }

    /// Returns figures of the statements of all tenants.
    #[must_use]
    pub fn statement_status(&self) -> StatementStatus {
        self.0.compiler.status()
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn request_metrics(&self) -> &crate::metrics::RequestMetrics {
        &self.0.request_metrics
    }

    /// Waits until no connection is in use, and closes all of them.
    ///
    /// # Errors
    /// [`DbErr`] if a connection could not be closed.
    pub async fn close(&self) -> Result<(), DbErr> {
        #[cfg(feature = "sqlx-postgres")]
        if let Some(listener) = &self.0.listener {
            listener.close().await;
        }
        if let Some(pool) = &self.0.pool {
            pool.close().await;
        }
        self.0.db.close_by_ref().await
    }
}

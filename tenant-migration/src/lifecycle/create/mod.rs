//! [`create_tenant`].

pub(crate) mod creation;
mod stages;

use std::sync::Arc;

use sea_orm::DatabaseConnection;
use serde_json::Value;
use tenant_core::{DEFAULT_KIND, Host, SchemaName, Tenant, TenantStatus};

use crate::{
    define::Migrations,
    lifecycle::{
        create::creation::Creation,
        error::{LifecycleError, run_detached},
    },
};

/// A new tenant, for [`create_tenant`] and similar functions.
///
/// # Example
/// ```
/// use tenant_core::{Host, SchemaName};
/// use tenant_migration::NewTenant;
///
/// // Use `for_tenant` for names that people type: it refuses the shared schema.
/// let acme = NewTenant::new(SchemaName::for_tenant("acme")?, "Acme Inc.")
///     .domain(Host::parse("acme.example.com")?)
///     .kind("trial");
/// assert_eq!(acme.schema().as_str(), "acme");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a new tenant is not created before `create_tenant` is called"]
pub struct NewTenant {
    pub(crate) schema: SchemaName,
    pub(crate) name: String,
    pub(crate) domain: Option<Host>,
    pub(crate) kind: String,
    pub(crate) metadata: Value,
    pub(crate) reuses_name: bool,
}

impl NewTenant {
    /// Describes a tenant of the default kind, without domain and metadata. With the shared schema it is the public tenant, the
    /// main site.
    pub fn new(schema: SchemaName, name: impl Into<String>) -> Self {
        Self {
            schema,
            name: name.into(),
            domain: None,
            kind: DEFAULT_KIND.to_owned(),
            metadata: Value::Object(serde_json::Map::new()),
            reuses_name: false,
        }
    }

    /// Sets the primary domain. Default: none.
    pub fn domain(mut self, domain: Host) -> Self {
        self.domain = Some(domain);
        self
    }

    /// Sets the kind, which groups tenants. Default: [`DEFAULT_KIND`].
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = kind.into();
        self
    }

    /// Sets the metadata, which belongs to the application. Default: an empty object.
    pub fn metadata(mut self, metadata: Value) -> Self {
        self.metadata = metadata;
        self
    }

    /// Allows the name of a dropped tenant's schema. Work that still runs for the dropped tenant, such as a job with the schema's
    /// name, then reaches the rows of the new tenant. It must have been dropped
    /// [`NAME_REUSE_AGE`](crate::NAME_REUSE_AGE) ago, 90 s.
    pub fn reuse_name(mut self) -> Self {
        self.reuses_name = true;
        self
    }

    /// Returns the schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaName {
        &self.schema
    }
}

/// Creates an active tenant: its row in the catalog, its domain, its schema and all migrations in it.
///
/// One transaction creates all of it, so even after a crash the tenant is complete or does not exist. The public tenant gets
/// only its row and domain.
///
/// Some migrations need several transactions: those that run outside of transactions (`use_transaction`), and those that use an
/// enum value which an earlier one added. Until the last transaction, the tenant has the status
/// [`Provisioning`](TenantStatus::Provisioning): its requests get 503, and a process that had one caches that for up to
/// [`DEFAULT_HOST_CACHE_TTL`](tenant_core::DEFAULT_HOST_CACHE_TTL). If the creation fails, all of it is removed. After a crash,
/// create the tenant again: what was left is removed first, as it is by [`drop_tenant`](crate::drop_tenant).
/// This needs a session of its own, so `db` must reach PostgreSQL itself, or a pooler in session mode.
///
/// If the pool ([`fill_pool`](crate::fill_pool)) has a schema of the tenant's kind, the tenant gets it, and no migrations run.
///
/// To give every tenant initial rows, write them in [`TenantHooks::seed`](crate::TenantHooks::seed), or copy a template with
/// [`create_tenant_from`](crate::create_tenant_from).
///
/// If this future is dropped, the creation is rolled back or removed in the background, unless COMMIT has begun.
///
/// # Errors
/// [`LifecycleError`] if the schema or the domain is taken, or a migration, a hook or a query failed.
///
/// # Example
/// ```no_run
/// # async fn example(tenants: tenant_core::Tenants, migrations: tenant_migration::Migrations) {
/// use tenant_core::{Host, SchemaName};
/// use tenant_migration::{LifecycleError, NewTenant, create_tenant};
///
/// # let schema = SchemaName::for_tenant("acme").unwrap();
/// # let host = Host::parse("acme.example.com").unwrap();
/// let new = NewTenant::new(schema, "Acme Inc.").domain(host);
/// match create_tenant(tenants.shared_connection(), &migrations, &new).await {
///     Ok(acme) => println!("created {acme:?}"),
///     Err(LifecycleError::Name(_)) => println!("409"),
///     Err(error) => println!("500: {error}"),
/// }
/// # }
/// ```
pub async fn create_tenant(
    db: &DatabaseConnection,
    migrations: &Migrations,
    new: &NewTenant,
) -> Result<Tenant, LifecycleError> {
    create(db, migrations, new, TenantStatus::Active).await
}

/// Creates a tenant with a status.
pub(crate) async fn create(
    db: &DatabaseConnection,
    migrations: &Migrations,
    new: &NewTenant,
    status: TenantStatus,
) -> Result<Tenant, LifecycleError> {
    let awaited = Arc::new(());
    let creation = Creation {
        db: db.clone(),
        migrations: migrations.clone(),
        new: new.clone(),
        status,
        awaited: Arc::downgrade(&awaited),
    };
    let created = run_detached(&new.schema, Box::pin(creation.run())).await;
    drop(awaited);
    created
}

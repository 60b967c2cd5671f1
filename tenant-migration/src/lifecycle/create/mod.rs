//! Making tenants: [`create_tenant`].

pub(crate) mod creation;
mod error;

pub use error::CreateTenantError;

use std::sync::Arc;

use sea_orm::DatabaseConnection;
use serde_json::Value;
use tenant_core::{
    __private::{ShutDown, detached},
    DEFAULT_KIND, Host, SchemaName, Tenant, TenantStatus,
};

use crate::{define::Migrations, lifecycle::create::creation::Creation};

/// A tenant to be.
///
/// # Example
/// ```
/// use tenant_core::{Host, SchemaName};
/// use tenant_migration::NewTenant;
///
/// // What people type goes through `for_tenant`, which does not let them have the shared schema.
/// let acme = NewTenant::new(SchemaName::for_tenant("acme")?, "Acme Inc.")
///     .domain(Host::parse("acme.example.com")?)
///     .kind("trial");
/// assert_eq!(acme.schema().as_str(), "acme");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a tenant to be is not created before `create_tenant` is called"]
pub struct NewTenant {
    pub(crate) schema: SchemaName,
    pub(crate) name: String,
    pub(crate) domain: Option<Host>,
    pub(crate) kind: String,
    pub(crate) metadata: Value,
    pub(crate) reuses_name: bool,
}

impl NewTenant {
    /// A tenant of the default kind, without domain and metadata. The shared schema makes it the public
    /// tenant, the main site.
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

    /// Its primary domain.
    pub fn domain(mut self, domain: Host) -> Self {
        self.domain = Some(domain);
        self
    }

    /// A word by which tenants are grouped.
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = kind.into();
        self
    }

    /// What the application keeps about it.
    pub fn metadata(mut self, metadata: Value) -> Self {
        self.metadata = metadata;
        self
    }

    /// Lets it have the name of a schema that another tenant had, which is gone. What still runs for that one, such as a
    /// job with its schema's name in it, reaches the new one's rows.
    pub fn reuse_name(mut self) -> Self {
        self.reuses_name = true;
        self
    }

    /// Its schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaName {
        &self.schema
    }
}

/// Creates a tenant, active at once: its row in the catalog, its domain, its schema and all migrations in it.
///
/// If there is a schema of its kind in the pool ([`fill_pool`](crate::fill_pool)), that gets the tenant's name and no
/// migrations run.
///
/// All of it is one transaction, so a tenant is there and complete, or not there at all, whatever crashes.
/// The public tenant gets its row and domain only.
///
/// The rows that every tenant begins with are for [`TenantHooks::seed`](crate::TenantHooks::seed) to write, or for a template to
/// have: [`create_tenant_from`](crate::create_tenant_from).
///
/// If this future is dropped, the transaction is rolled back in the background, unless it was being
/// committed already.
///
/// # Errors
/// [`CreateTenantError`] says what is taken or what failed.
///
/// # Example
/// ```no_run
/// # async fn example(tenants: tenant_core::Tenants, migrations: tenant_migration::Migrations) {
/// use tenant_core::{Host, SchemaName};
/// use tenant_migration::{CreateTenantError, NewTenant, create_tenant};
///
/// # let schema = SchemaName::for_tenant("acme").unwrap();
/// # let host = Host::parse("acme.example.com").unwrap();
/// let new = NewTenant::new(schema, "Acme Inc.").domain(host);
/// match create_tenant(tenants.shared_connection(), &migrations, &new).await {
///     Ok(acme) => println!("created {acme:?}"),
///     Err(CreateTenantError::Name(_)) => println!("409"),
///     Err(error) => println!("500: {error}"),
/// }
/// # }
/// ```
pub async fn create_tenant(
    db: &DatabaseConnection,
    migrations: &Migrations,
    new: &NewTenant,
) -> Result<Tenant, CreateTenantError> {
    create(db, migrations, new, TenantStatus::Active).await
}

/// Creates a tenant, which has a status then.
pub(crate) async fn create(
    db: &DatabaseConnection,
    migrations: &Migrations,
    new: &NewTenant,
    status: TenantStatus,
) -> Result<Tenant, CreateTenantError> {
    let awaited = Arc::new(());
    let creation = Creation {
        db: db.clone(),
        migrations: migrations.clone(),
        new: new.clone(),
        status,
        awaited: Arc::downgrade(&awaited),
    };
    creation.check_migrations()?;
    let created = detached(async move { creation.run().await }).await;
    drop(awaited);
    created.unwrap_or_else(|ShutDown| {
        let schema = new.schema.clone();
        Err(CreateTenantError::Interrupted { schema })
    })
}

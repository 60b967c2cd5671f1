//! Copying a tenant: [`clone_tenant`], [`create_tenant_from`].

mod cloning;
mod error;

use std::sync::Arc;

use sea_orm::DatabaseConnection;
use tenant_core::{
    __private::{ShutDown, detached},
    SchemaName, Tenant, TenantStatus,
};

use cloning::{Cloning, Needs};

use crate::{
    define::Migrations,
    lifecycle::create::{CreateTenantError, NewTenant, creation::Creation},
};
pub use error::CloneError;

/// What of a tenant is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloneData {
    /// The structure of its schema, and what is applied there.
    Structure,
    /// All rows, too, and how far its sequences are.
    Rows,
}

/// Makes a new tenant, active at once, whose schema is the copy of another one's.
///
/// All of it is one transaction, which sees the source at one moment: its application goes on meanwhile, its migrations
/// wait. Nothing in the copy is of the source: it is compared with it, and what cannot be made again without naming the
/// source is refused. Migrations and hooks do not run. The new tenant has its own name, domain, metadata and role; the kind
/// is one with the same migrations as the source's.
///
/// The rows are copied as they are; materialized views are refreshed. What the rows of the source say of the source, such as an address, they say in the
/// copy.
///
/// If this future is dropped, the transaction is rolled back in the background, unless it was being committed already.
///
/// # Errors
/// [`CloneError`] says what is taken, what cannot be copied, or what failed.
///
/// # Example
/// ```no_run
/// # async fn example(
/// #     tenants: tenant_core::Tenants,
/// #     migrations: tenant_migration::Migrations,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use tenant_core::{Host, SchemaName};
/// use tenant_migration::{CloneData, NewTenant, clone_tenant};
///
/// let acme = SchemaName::for_tenant("acme")?;
/// let new = NewTenant::new(SchemaName::for_tenant("acme_staging")?, "Acme Inc. (staging)")
///     .domain(Host::parse("staging.acme.example.com")?);
/// clone_tenant(tenants.shared_connection(), &migrations, &acme, &new, CloneData::Rows).await?;
/// # Ok(())
/// # }
/// ```
pub async fn clone_tenant(
    db: &DatabaseConnection,
    migrations: &Migrations,
    source: &SchemaName,
    new: &NewTenant,
    data: CloneData,
) -> Result<Tenant, CloneError> {
    copy(db, migrations, source, new, data, Needs::Nothing).await
}

/// Creates a tenant as the copy of a template, with its rows: as [`clone_tenant`] does, from one that has all
/// migrations, so that the new one has them.
///
/// A template is a tenant. It is best an archived one ([`archive_tenant`](crate::archive_tenant)): that has no traffic.
/// Runs over all tenants leave it out, so keep it migrated by naming it: `up --tenant template`.
/// [`TenantHooks::seed`](crate::TenantHooks::seed) is not called: the rows are those of the template.
///
/// # Errors
/// As [`clone_tenant`], and [`CloneError::Behind`] if the template has not all migrations.
///
/// # Example
/// ```no_run
/// # async fn example(
/// #     tenants: tenant_core::Tenants,
/// #     migrations: tenant_migration::Migrations,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use tenant_core::SchemaName;
/// use tenant_migration::{NewTenant, create_tenant_from};
///
/// let template = SchemaName::for_tenant("template")?;
/// let acme = NewTenant::new(SchemaName::for_tenant("acme")?, "Acme Inc.");
/// create_tenant_from(tenants.shared_connection(), &migrations, &template, &acme).await?;
/// # Ok(())
/// # }
/// ```
pub async fn create_tenant_from(
    db: &DatabaseConnection,
    migrations: &Migrations,
    template: &SchemaName,
    new: &NewTenant,
) -> Result<Tenant, CloneError> {
    copy(
        db,
        migrations,
        template,
        new,
        CloneData::Rows,
        Needs::AllMigrations,
    )
    .await
}

async fn copy(
    db: &DatabaseConnection,
    migrations: &Migrations,
    source: &SchemaName,
    new: &NewTenant,
    data: CloneData,
    needs: Needs,
) -> Result<Tenant, CloneError> {
    let awaited = Arc::new(());
    let cloning = Cloning {
        creation: Creation {
            db: db.clone(),
            migrations: migrations.clone(),
            new: new.clone(),
            status: TenantStatus::Active,
            awaited: Arc::downgrade(&awaited),
        },
        source: source.clone(),
        data,
        needs,
    };
    let cloned = detached(cloning.run()).await;
    drop(awaited);
    cloned.unwrap_or_else(|ShutDown| {
        let schema = new.schema.clone();
        Err(CreateTenantError::Interrupted { schema }.into())
    })
}

//! [`clone_tenant`] and [`create_tenant_from`], which copy a tenant.

mod cloning;

use std::sync::Arc;

use sea_orm::DatabaseConnection;
use tenant_core::{SchemaName, Tenant, TenantStatus};

use cloning::{Cloning, Needs};

use crate::{
    define::Migrations,
    lifecycle::{
        create::{NewTenant, creation::Creation},
        error::{LifecycleError, run_detached},
    },
};

/// Data of a tenant that is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloneData {
    /// The structure of its schema, and the records of its ledger.
    Structure,
    /// The structure, all rows, and the values of its sequences.
    Rows,
}

/// Result of [`clone_tenant`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cloned {
    /// The new tenant.
    pub tenant: Tenant,
    /// Objects outside of the source's schema that are about it and that the copy is without: memberships in publications, and
    /// views in other schemas.
    pub left_out: Vec<String>,
}

/// Creates an active tenant whose schema is a copy of another tenant's.
///
/// All of it is one transaction with one snapshot of the source. Meanwhile the source's application goes on, and its
/// migrations wait. Migrations and hooks do not run. The new tenant has its own name, domain, metadata and role. Its kind must
/// have the same migrations as the source's.
///
/// The copy must not depend on the source. An object that cannot be created without the source's name is refused, and the
/// copy's structure is compared with the source's.
///
/// Rights and default privileges that roles of your own were given are copied, such as those of a role that reads all tenants. Those
/// of everybody (`PUBLIC`) and of other tenants' roles are refused. Publications and views in other schemas are left out:
/// [`Cloned::left_out`] names them. Also refused are inheritance between schemas, rules, foreign tables, range types and other
/// objects that PostgreSQL's catalogs do not describe as statements; the error names the object.
///
/// Rows are copied as they are, so data about the source, such as an address, is in the copy, too. Materialized views are
/// refreshed.
///
/// If this future is dropped, the transaction is rolled back in the background, unless COMMIT has begun.
///
/// # Errors
/// [`LifecycleError`] if the schema or the domain is taken, the source cannot be copied, or a query failed.
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
) -> Result<Cloned, LifecycleError> {
    copy(db, migrations, source, new, data, Needs::Nothing).await
}

/// Creates a tenant as a copy of a template, with its rows. It does the same as [`clone_tenant`], and refuses a template with
/// pending migrations.
///
/// A template is a tenant. Use an archived tenant ([`archive_tenant`](crate::archive_tenant)) as a template: it has no traffic.
/// Runs over all tenants leave it out; `up --tenant template` keeps it migrated.
/// [`TenantHooks::seed`](crate::TenantHooks::seed) is not called: the rows are the template's.
///
/// # Errors
/// The errors of [`clone_tenant`], and [`LifecycleError::Behind`] if the template has pending migrations.
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
) -> Result<Cloned, LifecycleError> {
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
) -> Result<Cloned, LifecycleError> {
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
    let cloned = run_detached(&new.schema, Box::pin(cloning.run())).await;
    drop(awaited);
    cloned
}

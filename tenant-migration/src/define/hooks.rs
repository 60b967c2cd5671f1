//! [`TenantHooks`]: what an application does before and after the migrations of each tenant, and when one is created.

use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm_migration::SchemaManager;
use serde_json::Value;
use tenant_core::SchemaName;

use crate::define::step::Step;

/// A tenant whose schema is being migrated.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Migrating<'a> {
    /// The tenant's schema.
    pub schema: &'a SchemaName,
    /// The tenant's kind.
    pub kind: &'a str,
    /// Steps of the migration run.
    pub steps: &'a [Step],
    /// The connection, which stands in the schema as it does for a migration.
    /// [`tenant_transaction`](crate::tenant_transaction) makes entities of the tenant work on it.
    pub manager: &'a SchemaManager<'a>,
}

/// A tenant that is being created, whose schema has all its migrations.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Seeding<'a> {
    /// The tenant's schema.
    pub schema: &'a SchemaName,
    /// The tenant's kind.
    pub kind: &'a str,
    /// The customer's name.
    pub name: &'a str,
    /// Data that the application keeps about the tenant.
    pub metadata: &'a Value,
    /// The connection, which stands in the schema as it does for a migration.
    /// [`tenant_transaction`](crate::tenant_transaction) makes entities of the tenant work on it.
    pub manager: &'a SchemaManager<'a>,
}

/// Code of the application that runs when a tenant is created, and before and after the migrations of each tenant that
/// has any to run.
///
/// All run in the transaction of the migrations, under the tenant's lock: what they do is kept or lost with them,
/// and if one fails, so does the tenant. (Where a migration runs outside of transactions, `before` is in the first of
/// the transactions around it and `after` in the last.) They run when a tenant is created, too. A transaction that is rolled
/// back and tried again calls them again.
///
/// # Example
/// ```
/// use sea_orm_migration::{prelude::*, sea_orm::ConnectionTrait};
/// use tenant_migration::{Migrating, Seeding, TenantHooks};
///
/// struct Refresh;
///
/// #[async_trait::async_trait]
/// impl TenantHooks for Refresh {
///     async fn after(&self, tenant: Migrating<'_>) -> Result<(), DbErr> {
///         let db = tenant.manager.get_connection();
///         db.execute_unprepared("REFRESH MATERIALIZED VIEW statistics").await?;
///         Ok(())
///     }
///
///     async fn seed(&self, tenant: Seeding<'_>) -> Result<(), DbErr> {
///         let insert = Query::insert()
///             .into_table("setting")
///             .columns(["key", "value"])
///             .values_panic(["title".into(), tenant.name.into()])
///             .to_owned();
///         tenant.manager.execute(insert).await
///     }
/// }
/// ```
#[async_trait]
pub trait TenantHooks: Send + Sync + 'static {
    /// Before the first migration.
    ///
    /// # Errors
    /// [`DbErr`] if the tenant is not to be migrated.
    async fn before(&self, tenant: Migrating<'_>) -> Result<(), DbErr> {
        let _ = tenant;
        Ok(())
    }

    /// After the last one.
    ///
    /// # Errors
    /// [`DbErr`] if what the migrations did is not to be kept.
    async fn after(&self, tenant: Migrating<'_>) -> Result<(), DbErr> {
        let _ = tenant;
        Ok(())
    }

    /// Once in the life of a tenant: when it is created, after all migrations and [`after`](Self::after). It gives the
    /// tenant the rows that it begins with.
    ///
    /// It is not called for a tenant that is copied, adopted or imported, which has rows already, nor for the public
    /// tenant, nor when migrations run later: `fresh` and `refresh` leave a tenant without these rows.
    ///
    /// # Errors
    /// [`DbErr`] if the tenant is not to be created. Nothing of it is left.
    async fn seed(&self, tenant: Seeding<'_>) -> Result<(), DbErr> {
        let _ = tenant;
        Ok(())
    }
}

/// A hook around migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hook {
    Before,
    After,
}

//! Data migrations: entities of a tenant inside of a migration.

use std::sync::OnceLock;

use crate::define::catalog;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};
use sea_orm_migration::SchemaManager;
use tenant_core::{SchemaName, StatementGuard, Tenant, TenantTransaction, catalog::tenant};

/// A transaction of the tenant whose schema is being migrated, inside of the migration's own: entities that are marked
/// `#[tenant]` work in it, and raw SQL is checked as everywhere else.
///
/// It is a savepoint: committed, it is a part of the migration, and gone with it if the migration fails. In a
/// migration outside of transactions it is a transaction of its own.
///
/// # Errors
/// [`DbErr`] if the session does not stand in a tenant's schema, as in migrations of the shared one.
///
/// # Example
/// ```
/// use sea_orm::sea_query::Expr;
/// use sea_orm_migration::{prelude::*, sea_orm::EntityTrait};
/// use tenant_migration::tenant_transaction;
/// # mod note {
/// #     use sea_orm::entity::prelude::*;
/// #     #[tenant_core::tenant]
/// #     #[sea_orm::model]
/// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
/// #     #[sea_orm(table_name = "note")]
/// #     pub struct Model { #[sea_orm(primary_key)] pub id: i32, pub title: String }
/// #     impl ActiveModelBehavior for ActiveModel {}
/// # }
///
/// #[derive(DeriveMigrationName)]
/// pub struct Migration;
///
/// #[async_trait::async_trait]
/// impl MigrationTrait for Migration {
///     async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
///         let db = tenant_transaction(manager).await?;
///         note::Entity::update_many()
///             .col_expr(note::Column::Title, Expr::cust("initcap(title)"))
///             .exec(&db)
///             .await?;
///         db.commit().await
///     }
/// }
/// ```
pub async fn tenant_transaction(manager: &SchemaManager<'_>) -> Result<TenantTransaction, DbErr> {
    tenant_transaction_with(manager, guard()?).await
}

/// Begins a [`tenant_transaction`] with a guard of the application's own, which may know more than its entities:
/// [`TenantsBuilder::guard`](tenant_core::TenantsBuilder::guard).
///
/// # Errors
/// As [`tenant_transaction`].
pub async fn tenant_transaction_with(
    manager: &SchemaManager<'_>,
    guard: &StatementGuard,
) -> Result<TenantTransaction, DbErr> {
    let db = manager.get_connection();
    let tenant = current_tenant(db).await?;
    guard.begin(db, &tenant).await
}

/// The entities of a program do not change while it runs.
fn guard() -> Result<&'static StatementGuard, DbErr> {
    static GUARD: OnceLock<StatementGuard> = OnceLock::new();
    if let Some(guard) = GUARD.get() {
        return Ok(guard);
    }
    let made = StatementGuard::of_program().map_err(|error| DbErr::Custom(error.to_string()))?;
    Ok(GUARD.get_or_init(|| made))
}

/// The tenant whose schema the session stands in, by what PostgreSQL says of it.
async fn current_tenant(db: &impl ConnectionTrait) -> Result<Tenant, DbErr> {
    let here = tenant::Entity::find().filter(Expr::cust("schema_name = current_schema()::text"));
    let row = here.one(db).await?;
    let row = row.filter(|row| SchemaName::for_tenant(&row.schema_name).is_ok());
    let row = row.ok_or_else(|| {
        DbErr::Migration(
            "a transaction of a tenant is for migrations of tenants: this is no tenant's schema".to_owned(),
        )
    })?;
    catalog::tenant_of(row)
}

//! [`rename_tenant`].

use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, TransactionTrait, sea_query::Expr};
use tenant_core::{SchemaName, catalog::tenant};

use crate::lifecycle::{error::LifecycleError, lookup};

/// Changes the name of a tenant that people read. Its schema and its domains stay as they are.
///
/// # Errors
/// [`LifecycleError`] if there is no such tenant.
pub async fn rename_tenant(
    db: &DatabaseConnection,
    schema: &SchemaName,
    name: &str,
) -> Result<(), LifecycleError> {
    let transaction = db.begin().await?;
    let row = lookup::lock(&transaction, schema).await?;
    tenant::Entity::update_many()
        .col_expr(tenant::Column::Name, Expr::value(name))
        .col_expr(tenant::Column::UpdatedAt, Expr::current_timestamp())
        .filter(tenant::Column::Id.eq(row.id))
        .exec(&transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

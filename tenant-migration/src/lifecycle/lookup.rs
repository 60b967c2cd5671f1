//! Finding a tenant to do something to it.

use sea_orm::{
    ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, Func},
};
use tenant_core::{SchemaName, TenantStatus, catalog::tenant};

use super::error::LifecycleError;
use crate::error::sqlstate;

/// A tenant's row, which nobody else changes before the transaction ends. Tenants that were made ahead are nobody's
/// yet, and not found.
pub(super) async fn lock(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
) -> Result<tenant::Model, LifecycleError> {
    let name = Func::lower(Expr::col(tenant::Column::SchemaName));
    let row = tenant::Entity::find()
        .filter(Expr::expr(name).eq(schema.as_str().to_ascii_lowercase()))
        .filter(Expr::col(tenant::Column::Status).ne(TenantStatus::Pending.as_str()))
        .lock_exclusive()
        .one(db)
        .await
        .map_err(|error| not_read(error, schema))?;
    row.ok_or_else(|| LifecycleError::NoSuchTenant {
        schema: schema.clone(),
    })
}

/// As [`lock`], for what the public tenant has not.
pub(super) async fn lock_own_schema(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
    action: &'static str,
) -> Result<tenant::Model, LifecycleError> {
    if schema.is_shared() {
        return Err(LifecycleError::PublicTenant { action });
    }
    lock(db, schema).await
}

fn not_read(error: DbErr, schema: &SchemaName) -> LifecycleError {
    match sqlstate(&error) {
        Some("42P01") => LifecycleError::NoCatalog {
            schema: schema.clone(),
        },
        _ => error.into(),
    }
}

//! Finding a tenant to do something to it.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, IsolationLevel,
    QueryFilter, QuerySelect, Select, TransactionTrait,
    sea_query::{Expr, Func},
};
use tenant_core::{SchemaName, TenantStatus, catalog::tenant};

use crate::define::LookupError;
use crate::{
    database::is_without_catalog, lifecycle::error::LifecycleError, plan::DEFAULT_LOCK_TIMEOUT,
    schema::set_timeout,
};

/// A transaction that sees what others committed, once it has the lock that they held, and waits for no lock for long.
pub(crate) async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let isolation = Some(IsolationLevel::ReadCommitted);
    let transaction = db.begin_with_config(isolation, None).await?;
    set_lock_timeout(&transaction, DEFAULT_LOCK_TIMEOUT).await?;
    Ok(transaction)
}

/// Limits how long a transaction waits for a lock.
pub(crate) async fn set_lock_timeout(db: &DatabaseTransaction, timeout: Duration) -> Result<(), DbErr> {
    db.execute_unprepared(&set_timeout("lock_timeout", timeout))
        .await?;
    Ok(())
}

/// A tenant's row. Tenants that were made ahead are nobody's yet, and not found.
pub(crate) async fn find(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
) -> Result<tenant::Model, LifecycleError> {
    one(db, schema, select(schema)).await
}

/// As [`find`], and nobody else changes the row before the transaction ends.
pub(crate) async fn lock(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
) -> Result<tenant::Model, LifecycleError> {
    one(db, schema, select(schema).lock_exclusive()).await
}

fn select(schema: &SchemaName) -> Select<tenant::Entity> {
    let name = Func::lower(Expr::col(tenant::Column::SchemaName));
    tenant::Entity::find()
        .filter(Expr::expr(name).eq(schema.as_str().to_ascii_lowercase()))
        .filter(Expr::col(tenant::Column::Status).ne(TenantStatus::Pending.as_str()))
}

async fn one(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
    select: Select<tenant::Entity>,
) -> Result<tenant::Model, LifecycleError> {
    let row = select.one(db).await.map_err(not_read)?;
    let schema = schema.clone();
    row.ok_or_else(|| LookupError::NoSuchTenant { schema }.into())
}

/// As [`lock`], for what the public tenant has not.
pub(crate) async fn lock_own_schema(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
    action: &'static str,
) -> Result<tenant::Model, LifecycleError> {
    if schema.is_shared() {
        return Err(LifecycleError::PublicTenant { action });
    }
    lock(db, schema).await
}

/// The status in a row.
pub(crate) fn status(row: &tenant::Model) -> Result<TenantStatus, DbErr> {
    let unknown = |error| DbErr::Custom(format!("tenant {} of the catalog: {error}", row.id));
    row.status.parse().map_err(unknown)
}

/// A name of a tenant's schema as the catalog has it, which is as PostgreSQL has it.
pub(crate) fn schema_of(name: &str) -> Result<SchemaName, DbErr> {
    SchemaName::for_tenant(name).map_err(|error| DbErr::Custom(error.to_string()))
}

fn not_read(error: DbErr) -> LifecycleError {
    match is_without_catalog(&error) {
        true => LookupError::NoCatalog.into(),
        false => error.into(),
    }
}

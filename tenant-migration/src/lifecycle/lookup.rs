//! Reading and locking a tenant's row in the catalog.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait,
    IsolationLevel, QueryFilter, QuerySelect, Select, TransactionTrait,
};
use tenant_core::{SchemaName, TenantStatus, catalog::tenant};

use crate::{
    database::is_without_catalog,
    define::{LookupError, is_called},
    lifecycle::error::LifecycleError,
    plan::DEFAULT_LOCK_TIMEOUT,
    schema::set_timeout,
};

/// Begins a transaction with `READ COMMITTED`, so that after waiting for a lock it sees the changes of the lock's previous
/// holder. Lock timeout: [`DEFAULT_LOCK_TIMEOUT`].
pub(crate) async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let isolation = Some(IsolationLevel::ReadCommitted);
    let transaction = db.begin_with_config(isolation, None).await?;
    set_lock_timeout(&transaction, DEFAULT_LOCK_TIMEOUT).await?;
    Ok(transaction)
}

/// Limits the time that a transaction waits for a lock.
pub(crate) async fn set_lock_timeout(db: &DatabaseTransaction, timeout: Duration) -> Result<(), DbErr> {
    db.execute_unprepared(&set_timeout("lock_timeout", timeout))
        .await?;
    Ok(())
}

/// Returns a tenant's row. It does not find pending schemas, because they belong to no tenant.
pub(crate) async fn find(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
) -> Result<tenant::Model, LifecycleError> {
    query_row(db, schema, select(schema)).await
}

/// Returns a tenant's row, and locks it until the transaction ends.
pub(crate) async fn lock(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
) -> Result<tenant::Model, LifecycleError> {
    query_row(db, schema, select(schema).lock_exclusive()).await
}

fn select(schema: &SchemaName) -> Select<tenant::Entity> {
    tenant::Entity::find()
        .filter(is_called(tenant::Column::SchemaName, schema))
        .filter(tenant::Column::Status.ne(TenantStatus::Pending.as_str()))
}

async fn query_row(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
    select: Select<tenant::Entity>,
) -> Result<tenant::Model, LifecycleError> {
    let row = select.one(db).await.map_err(not_read)?;
    let schema = schema.clone();
    row.ok_or_else(|| LookupError::NoSuchTenant { schema }.into())
}

/// Returns and locks the row of a tenant that has a schema of its own, which the public tenant has not. `action` is for
/// the error.
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

/// Returns the status in a row.
pub(crate) fn status(row: &tenant::Model) -> Result<TenantStatus, DbErr> {
    let unknown = |error| DbErr::Custom(format!("tenant {} of the catalog: {error}", row.id));
    row.status.parse().map_err(unknown)
}

/// Returns the error of a query on the catalog.
pub(crate) fn not_read(error: DbErr) -> LifecycleError {
    match is_without_catalog(&error) {
        true => LookupError::NoCatalog.into(),
        false => error.into(),
    }
}

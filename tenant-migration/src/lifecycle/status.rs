//! Changing the status of a tenant: suspended, in maintenance, archived, or back in service.
//!
//! Processes cache a tenant with its host ([`DEFAULT_HOST_CACHE_TTL`](tenant_core::DEFAULT_HOST_CACHE_TTL)). They hear of a
//! change within a second while they listen for changes, and otherwise see it when the cached tenant expires.

use sea_orm::ColumnTrait as _;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, TransactionTrait,
    sea_query::Expr,
};
use tenant_core::{SchemaName, TenantStatus, catalog::tenant};

use crate::{
    define::Migrations,
    lifecycle::{error::LifecycleError, lookup},
};

/// Takes a tenant out of service: its requests get 403. Does nothing if it is already suspended.
///
/// # Errors
/// [`LifecycleError`] if there is no such tenant, or it is archived, being created or being dropped.
pub async fn suspend_tenant(db: &DatabaseConnection, schema: &SchemaName) -> Result<(), LifecycleError> {
    use TenantStatus::{Active, Maintenance, Suspended};
    let hint = "only a tenant in service or in maintenance can be suspended";
    change(db, schema, &[Active, Maintenance], Suspended, hint).await
}

/// Begins or ends the maintenance of a tenant. Meanwhile its requests get 503. Does nothing if the tenant already has that
/// status.
///
/// # Errors
/// [`LifecycleError`] if there is no such tenant, or it is not in service.
pub async fn set_maintenance(
    db: &DatabaseConnection,
    schema: &SchemaName,
    is_on: bool,
) -> Result<(), LifecycleError> {
    use TenantStatus::{Active, Maintenance};
    let (from, to) = match is_on {
        true => (Active, Maintenance),
        false => (Maintenance, Active),
    };
    let hint = "maintenance is for tenants in service: resume it first";
    change(db, schema, &[from], to, hint).await
}

/// Archives a tenant: its data is kept, its requests get 404, and it is migrated only if it is named. [`resume_tenant`]
/// brings it back. Does nothing if it is already archived.
///
/// # Errors
/// [`LifecycleError`] if there is no such tenant, it is the public one, being created or being dropped.
pub async fn archive_tenant(db: &DatabaseConnection, schema: &SchemaName) -> Result<(), LifecycleError> {
    use TenantStatus::{Active, Archived, Maintenance, Suspended};
    if schema.is_shared() {
        return Err(LifecycleError::PublicTenant { action: "archiving" });
    }
    let hint = "only a complete tenant that is not being dropped can be archived";
    change(db, schema, &[Active, Suspended, Maintenance], Archived, hint).await
}

/// Takes a suspended or archived tenant, or one in maintenance, back into service. Does nothing if it is in service.
///
/// # Errors
/// [`LifecycleError`] if there is no such tenant, it is being created or being dropped, or it is archived and has pending
/// migrations.
pub async fn resume_tenant(
    db: &DatabaseConnection,
    migrations: &Migrations,
    schema: &SchemaName,
) -> Result<(), LifecycleError> {
    use TenantStatus::{Active, Archived, Maintenance, Suspended};
    let transaction = db.begin().await?;
    let row = lookup::lock(&transaction, schema).await?;
    let newest_first = migrations.of_kind(&row.kind).names().rev();
    let pending = newest_first.take_while(|name| Some(&***name) != row.version.as_deref());
    let mut pending: Vec<_> = pending.map(ToString::to_string).collect();
    pending.reverse();
    if !pending.is_empty() && row.status == Archived.as_str() {
        let schema = schema.clone();
        return Err(LifecycleError::Behind { schema, pending });
    }
    let hint = "only a complete tenant that is not being dropped can be resumed";
    change_row(
        &transaction,
        schema,
        &row,
        &[Suspended, Maintenance, Archived],
        Active,
        hint,
    )
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Changes the status of a tenant that has one of the statuses `from`. Does nothing if it has the status `to`. `hint` is for the
/// error about a tenant with another status.
async fn change(
    db: &DatabaseConnection,
    schema: &SchemaName,
    from: &[TenantStatus],
    to: TenantStatus,
    hint: &'static str,
) -> Result<(), LifecycleError> {
    let transaction = db.begin().await?;
    let row = lookup::lock(&transaction, schema).await?;
    change_row(&transaction, schema, &row, from, to, hint).await?;
    transaction.commit().await?;
    Ok(())
}

/// Does the same as [`change`] for a row that is locked.
async fn change_row(
    db: &DatabaseTransaction,
    schema: &SchemaName,
    row: &tenant::Model,
    from: &[TenantStatus],
    to: TenantStatus,
    hint: &'static str,
) -> Result<(), LifecycleError> {
    let status = lookup::status(row)?;
    if status != to && !from.contains(&status) {
        let schema = schema.clone();
        return Err(LifecycleError::WrongStatus { schema, status, hint });
    }
    if status != to {
        set(db, row.id, to).await?;
    }
    Ok(())
}

/// Writes a status and the time of the change.
pub(super) async fn set(db: &DatabaseTransaction, id: i64, status: TenantStatus) -> Result<(), DbErr> {
    tenant::Entity::update_many()
        .col_expr(tenant::Column::Status, Expr::value(status.as_str()))
        .col_expr(tenant::Column::UpdatedAt, Expr::current_timestamp())
        .filter(tenant::Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

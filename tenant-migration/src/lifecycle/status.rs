//! Taking a tenant out of service, and back into it.
//!
//! Processes remember a tenant with its host for a while
//! ([`DEFAULT_HOST_CACHE_TTL`](tenant_core::DEFAULT_HOST_CACHE_TTL)), so a change is seen everywhere after that time.

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

/// Takes a tenant out of service: its requests get 403. Does nothing where it is suspended already.
///
/// # Errors
/// [`LifecycleError`] if there is no such tenant, or it is archived, being made or being dropped.
pub async fn suspend_tenant(db: &DatabaseConnection, schema: &SchemaName) -> Result<(), LifecycleError> {
    use TenantStatus::{Active, Maintenance, Suspended};
    let change = Change {
        from: &[Active, Maintenance],
        to: Suspended,
        hint: "only a tenant in service is suspended",
    };
    change.make(db, schema).await
}

/// Says that a tenant is being worked on, or not any more: meanwhile its requests get 503. Does nothing where it is so
/// already.
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
        true => (&[Active], Maintenance),
        false => (&[Maintenance], Active),
    };
    let hint = "maintenance is for tenants in service: resume it first";
    Change { from, to, hint }.make(db, schema).await
}

/// Puts a tenant aside: it is kept, its requests get 404, and it is not migrated with the others, only when it is named.
/// [`resume_tenant`] brings it back. Does nothing where it is archived already.
///
/// # Errors
/// [`LifecycleError`] if there is no such tenant, it is the public one, being made or being dropped.
pub async fn archive_tenant(db: &DatabaseConnection, schema: &SchemaName) -> Result<(), LifecycleError> {
    use TenantStatus::{Active, Archived, Maintenance, Suspended};
    if schema.is_shared() {
        return Err(LifecycleError::PublicTenant { action: "to archive" });
    }
    let change = Change {
        from: &[Active, Suspended, Maintenance],
        to: Archived,
        hint: "only a tenant that is made and not being dropped is archived",
    };
    change.make(db, schema).await
}

/// Takes a tenant back into service, whether it was suspended, in maintenance or archived. Does nothing where it is in
/// service.
///
/// # Errors
/// [`LifecycleError`] if there is no such tenant, it is being made or being dropped, or it was archived and missed
/// migrations since.
pub async fn resume_tenant(
    db: &DatabaseConnection,
    migrations: &Migrations,
    schema: &SchemaName,
) -> Result<(), LifecycleError> {
    use TenantStatus::{Active, Archived, Maintenance, Suspended};
    let change = Change {
        from: &[Suspended, Maintenance, Archived],
        to: Active,
        hint: "only a tenant that is made and not being dropped is resumed",
    };
    let transaction = db.begin().await?;
    let row = lookup::lock(&transaction, schema).await?;
    let newest = migrations.of_kind(&row.kind).newest();
    let is_behind = row.version.as_deref() != newest.map(|name| &**name);
    if is_behind && row.status == Archived.as_str() {
        let schema = schema.clone();
        return Err(LifecycleError::Behind { schema });
    }
    change.make_in(&transaction, schema, &row).await?;
    transaction.commit().await?;
    Ok(())
}

/// From some statuses to another. The other itself is fine, too.
struct Change<'a> {
    from: &'a [TenantStatus],
    to: TenantStatus,
    /// What to say where the tenant is in another one.
    hint: &'static str,
}

impl Change<'_> {
    async fn make(&self, db: &DatabaseConnection, schema: &SchemaName) -> Result<(), LifecycleError> {
        let transaction = db.begin().await?;
        let row = lookup::lock(&transaction, schema).await?;
        self.make_in(&transaction, schema, &row).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn make_in(
        &self,
        db: &DatabaseTransaction,
        schema: &SchemaName,
        row: &tenant::Model,
    ) -> Result<(), LifecycleError> {
        let status = lookup::status(row)?;
        if status == self.to {
            return Ok(());
        }
        if !self.from.contains(&status) {
            return Err(LifecycleError::WrongStatus {
                schema: schema.clone(),
                status,
                hint: self.hint,
            });
        }
        set(db, row.id, self.to).await?;
        Ok(())
    }
}

/// Writes a status, and when.
pub(super) async fn set(db: &DatabaseTransaction, id: i64, status: TenantStatus) -> Result<(), DbErr> {
    tenant::Entity::update_many()
        .col_expr(tenant::Column::Status, Expr::value(status.as_str()))
        .col_expr(tenant::Column::UpdatedAt, Expr::current_timestamp())
        .filter(tenant::Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

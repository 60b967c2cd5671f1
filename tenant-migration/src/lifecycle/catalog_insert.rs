//! Inserting a new tenant into the catalog.

use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait};
use tenant_core::{SchemaName, TenantStatus, catalog::tenant};

use crate::{
    database::{broken_key, is_without_catalog},
    define::{LookupError, SCHEMA_NAME_KEY},
    lifecycle::{create::NewTenant, domains, error::LifecycleError, name_availability::NameError},
};

/// Returns the row of a new tenant.
pub(crate) fn row(new: &NewTenant, status: TenantStatus) -> tenant::ActiveModel {
    tenant::ActiveModel {
        schema_name: Set(new.schema.to_string()),
        name: Set(new.name.clone()),
        kind: Set(new.kind.clone()),
        status: Set(status.to_string()),
        metadata: Set(new.metadata.clone()),
        ..Default::default()
    }
}

/// Inserts a tenant's row and its primary domain.
pub(crate) async fn insert_tenant(
    db: &impl ConnectionTrait,
    new: &NewTenant,
    status: TenantStatus,
) -> Result<tenant::Model, LifecycleError> {
    let inserted = tenant::Entity::insert(row(new, status))
        .exec_with_returning(db)
        .await;
    let tenant = inserted.map_err(|error| not_written(error, &new.schema))?;
    if let Some(host) = &new.domain {
        domains::insert(db, tenant.id, &host.into()).await?;
        domains::make_primary(db, tenant.id, host.as_str()).await?;
    }
    Ok(tenant)
}

/// Returns the error of a tenant's row that was not written.
pub(crate) fn not_written(error: DbErr, schema: &SchemaName) -> LifecycleError {
    let schema = schema.clone();
    match broken_key(&error) {
        _ if is_without_catalog(&error) => LookupError::NoCatalog.into(),
        Some(SCHEMA_NAME_KEY) => NameError::SchemaTaken { schema }.into(),
        _ => error.into(),
    }
}

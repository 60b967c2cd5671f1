//! The tenants of the catalog, as a plan needs them.

use sea_orm::ConnectionTrait;
use tenant_core::SchemaName;

use crate::{
    database::scalar,
    define::{LookupError, exists, schema_names, schema_of},
    plan::error::PlanError,
};

/// Returns the schemas of all tenants that have one of their own.
pub(crate) async fn tenants(db: &impl ConnectionTrait) -> Result<Vec<SchemaName>, PlanError> {
    if !exists(db).await? {
        return Ok(Vec::new());
    }
    let names = schema_names(db).await?.into_iter();
    Ok(names.map(|name| schema_of(&name)).collect::<Result<_, _>>()?)
}

/// Refuses a catalog of before it had what this version needs.
pub(crate) async fn require_current(db: &impl ConnectionTrait) -> Result<(), PlanError> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute
        WHERE attrelid = to_regclass('public.tenants') AND attname = 'version')";
    let is_current: Option<bool> = scalar(db, sql, []).await?;
    if is_current != Some(true) && exists(db).await? {
        return Err(LookupError::NoCatalog.into());
    }
    Ok(())
}

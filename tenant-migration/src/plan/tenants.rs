//! The tenants of the catalog, as a plan needs them.

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tenant_core::SchemaName;

use crate::define::LookupError;
use crate::{
    define::{exists, schema_names},
    plan::error::PlanError,
};

/// Returns the schemas of all tenants that have one of their own.
pub(crate) async fn tenants(db: &impl ConnectionTrait) -> Result<Vec<SchemaName>, PlanError> {
    if !exists(db).await? {
        return Ok(Vec::new());
    }
    let names = schema_names(db).await?.into_iter();
    names.map(|name| schema_of(&name)).collect()
}

/// Parses a schema name of the catalog.
pub(crate) fn schema_of(name: &str) -> Result<SchemaName, PlanError> {
    SchemaName::for_tenant(name).map_err(|source| PlanError::InvalidSchema {
        name: name.to_owned(),
        source,
    })
}

/// Refuses a catalog of before it had what this version needs.
pub(crate) async fn require_current(db: &impl ConnectionTrait) -> Result<(), PlanError> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute
        WHERE attrelid = to_regclass('public.tenants') AND attname = 'version') AS found";
    let row = db
        .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await?;
    let is_current = row.map_or(Ok(false), |row| row.try_get("", "found"))?;
    if !is_current && exists(db).await? {
        return Err(LookupError::NoCatalog.into());
    }
    Ok(())
}

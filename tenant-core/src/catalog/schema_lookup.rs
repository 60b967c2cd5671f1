//! Look-up of schemas among those of tenants, by plain SQL: the catalog may be missing.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

/// Returns the first of `schemas` that belongs to a tenant of the catalog. Without a catalog there are no tenants.
pub(crate) async fn find_tenant_schema<'a>(
    db: &impl ConnectionTrait,
    schemas: impl Iterator<Item = &'a str>,
) -> Result<Option<String>, DbErr> {
    let schemas = serde_json::Value::from_iter(schemas.map(str::to_ascii_lowercase));
    if schemas.as_array().is_none_or(Vec::is_empty) {
        return Ok(None);
    }
    let sql = "SELECT to_regclass('public.tenants') IS NOT NULL AS found";
    let row = db
        .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await?;
    if !row.map_or(Ok(false), |row| row.try_get("", "found"))? {
        return Ok(None);
    }
    let sql = "SELECT schema_name FROM public.tenants
        WHERE lower(schema_name) IN (SELECT jsonb_array_elements_text($1)) LIMIT 1";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [schemas.into()]);
    let row = db.query_one_raw(statement).await?;
    row.map(|row| row.try_get("", "schema_name")).transpose()
}

//! The version of a tenant's schema, as the catalog has it: the last migration that is applied there. The application
//! asks for it, without reading a ledger.

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExprTrait, Statement,
    sea_query::{Alias, Expr, Func, Query},
};
use serde_json::Value;
use tenant_core::{SHARED_SCHEMA, SchemaName, catalog::tenant};

use crate::plan::Plan;

/// The statement that says which version a schema has.
pub(crate) fn record(schema: &SchemaName, version: Option<&str>) -> String {
    // As the index of the table has it.
    let name = Func::lower(Expr::col(tenant::Column::SchemaName));
    let update = Query::update()
        .table((Alias::new(SHARED_SCHEMA), tenant::Entity))
        .value(tenant::Column::Version, version)
        .and_where(Expr::expr(name).eq(schema.as_str().to_ascii_lowercase()))
        .to_owned();
    DbBackend::Postgres.build(&update).to_string()
}

/// What the catalog should say and does not, of schemas with nothing to do: of tenants of before it had versions.
pub(crate) fn unrecorded(plan: &Plan) -> serde_json::Map<String, Value> {
    let idle = plan
        .schemas()
        .iter()
        .filter(|schema| matches!(schema.steps(), Ok([])));
    let versions = idle.filter_map(|schema| {
        let version = schema.status.unrecorded_version()?;
        Some((schema.schema().to_string(), version.into()))
    });
    versions.collect()
}

/// Records versions, in one statement.
pub(crate) async fn record_all(
    db: &impl ConnectionTrait,
    versions: serde_json::Map<String, Value>,
) -> Result<(), DbErr> {
    if versions.is_empty() {
        return Ok(());
    }
    let sql = "UPDATE public.tenants SET version = known.value
        FROM pg_catalog.jsonb_each_text($1) AS known WHERE known.key = schema_name";
    let values = [Value::Object(versions).into()];
    db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values))
        .await?;
    Ok(())
}

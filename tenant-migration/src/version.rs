//! The version of a tenant's schema, as the catalog has it: the last migration that is applied there. The application
//! asks for it, without reading a ledger.

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExprTrait, Statement,
    sea_query::{Alias, Expr, Query},
};
use tenant_core::{SHARED_SCHEMA, SchemaName, catalog::tenant};

use crate::status::SchemaStatus;

/// The statement that says which version a schema has.
pub(crate) fn record(schema: &SchemaName, version: Option<&str>) -> String {
    let update = Query::update()
        .table((Alias::new(SHARED_SCHEMA), tenant::Entity))
        .value(tenant::Column::Version, version)
        .and_where(Expr::col(tenant::Column::SchemaName).eq(schema.as_str()))
        .to_owned();
    DbBackend::Postgres.build(&update).to_string()
}

/// Records what the ledgers say where the catalog says something else, as it does for tenants of before it had
/// versions: in one statement.
pub(crate) async fn record_all(db: &impl ConnectionTrait, statuses: &[&SchemaStatus]) -> Result<(), DbErr> {
    let versions: serde_json::Map<_, _> = statuses
        .iter()
        .filter_map(|status| {
            let version = status.unrecorded_version()?;
            Some((status.schema().to_string(), version.into()))
        })
        .collect();
    if versions.is_empty() {
        return Ok(());
    }
    let sql = "UPDATE public.tenants SET version = known.value
        FROM pg_catalog.jsonb_each_text($1) AS known WHERE known.key = schema_name";
    let values = [serde_json::Value::Object(versions).into()];
    db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values))
        .await?;
    Ok(())
}

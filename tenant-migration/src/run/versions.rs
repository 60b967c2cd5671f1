//! Versions of schemas with nothing to do, which the catalog does not have yet.

use sea_orm::{ConnectionTrait, DbErr};
use serde_json::Value;

use crate::{database::execute, plan::Plan};

/// Returns the versions that the catalog lacks, of schemas with nothing to do. Catalogs that are older than versions lack
/// them.
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
    execute(db, sql, [Value::Object(versions).into()]).await
}

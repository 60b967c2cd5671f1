//! Failures in the catalog: a run records those of tenants, and removes those of tenants where it did not fail.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, TransactionTrait};
use tenant_core::SchemaName;

use crate::{
    database::{execute, is_without_catalog},
    plan::{MigrationFailure, Outcome, Plan, SchemaError, SchemaStatus},
};

/// Longest wait for the row of a tenant, which somebody may be dropping or renaming.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '2s'";

/// Records the failure of a schema's run, or removes the one from before. A run that succeeds where none failed before sends
/// nothing. The run does not depend on it.
pub(super) async fn note(db: &DatabaseConnection, status: &SchemaStatus, outcome: &Outcome) {
    let is_tenant = status.kind.is_some();
    let noted = match outcome {
        Outcome::Failed { error, .. } if is_tenant && !is_unreachable(error) => {
            record(db, &status.schema, error).await
        }
        Outcome::Done(_) | Outcome::UpToDate if status.last_failure.is_some() => {
            remove(db, &[status.schema.as_str()]).await
        }
        _ => Ok(()),
    };
    if let Err(error) = noted {
        tracing::warn!(schema = %status.schema, %error, "the failure of the tenant's migrations was not noted in the catalog");
    }
}

/// Removes the failures of schemas with nothing to do.
pub(super) async fn remove_idle(db: &DatabaseConnection, schemas: &[String]) {
    let schemas: Vec<_> = schemas.iter().map(String::as_str).collect();
    if let Err(error) = remove(db, &schemas).await {
        tracing::warn!(%error, "the failures of tenants with nothing to do were not removed from the catalog");
    }
}

/// Returns the schemas with nothing to do whose last run failed.
pub(super) fn of_idle(plan: &Plan) -> Vec<String> {
    let idle = plan
        .schemas()
        .iter()
        .filter(|schema| matches!(schema.steps(), Ok([])) && schema.status.last_failure.is_some());
    idle.map(|schema| schema.schema().to_string()).collect()
}

/// True if no connection could be opened. The catalog is not reached either then, and whoever tries waits again.
fn is_unreachable(error: &SchemaError) -> bool {
    matches!(
        error,
        SchemaError::Database(DbErr::Conn(_) | DbErr::ConnectionAcquire(_))
    )
}

async fn record(db: &DatabaseConnection, schema: &SchemaName, error: &SchemaError) -> Result<(), DbErr> {
    let sql = "UPDATE public.tenants SET migration_failure = pg_catalog.jsonb_build_object(
        'at', pg_catalog.date_trunc('second', pg_catalog.now()), 'migration', $2::text, 'error', $3::text)
        WHERE schema_name = $1";
    let migration = error.migration().map(str::to_owned);
    let text = MigrationFailure::text(error);
    update(db, sql, [schema.as_str().into(), migration.into(), text.into()]).await
}

async fn remove(db: &DatabaseConnection, schemas: &[&str]) -> Result<(), DbErr> {
    if schemas.is_empty() {
        return Ok(());
    }
    let sql = "UPDATE public.tenants SET migration_failure = NULL
        WHERE schema_name IN (SELECT pg_catalog.jsonb_array_elements_text($1))";
    update(db, sql, [serde_json::json!(schemas).into()]).await
}

/// Updates the catalog, unless it is older than failures.
async fn update<const N: usize>(
    db: &DatabaseConnection,
    sql: &str,
    values: [sea_orm::Value; N],
) -> Result<(), DbErr> {
    let transaction = db.begin().await?;
    transaction.execute_unprepared(LOCK_TIMEOUT).await?;
    match execute(&transaction, sql, values).await {
        Err(error) if is_without_catalog(&error) => transaction.rollback().await,
        Err(error) => Err(error),
        Ok(()) => transaction.commit().await,
    }
}

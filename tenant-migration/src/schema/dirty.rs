//! Dirty schemas: an interrupted migration outside of a transaction leaves a mark ([`dirty_mark`]) and invalid indexes.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use tenant_core::SchemaName;

use crate::define::{Ledger, Step, dirty_mark};

/// Returns the step that was begun in a schema and did not end.
pub(crate) async fn find(db: &impl ConnectionTrait, ledger: Ledger<'_>) -> Result<Option<Step>, DbErr> {
    let sql = "SELECT obj_description(to_regclass($1), 'pg_class') AS comment";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [ledger.quoted().into()]);
    let row = db.query_one_raw(statement).await?;
    let comment: Option<String> = row.map_or(Ok(None), |row| row.try_get("", "comment"))?;
    Ok(comment.as_deref().and_then(dirty_mark::parse))
}

/// An index that was being built concurrently when that failed: PostgreSQL keeps it up to date and never uses it.
/// <https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY>
const INVALID_INDEXES: &str = include_str!("invalid_indexes.sql");

/// The indexes of a schema that are not valid, as SQL.
pub(crate) async fn invalid_indexes(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
) -> Result<Vec<String>, DbErr> {
    let statement =
        Statement::from_sql_and_values(DbBackend::Postgres, INVALID_INDEXES, [schema.as_str().into()]);
    let rows = db.query_all_raw(statement).await?.into_iter();
    rows.map(|row| row.try_get("", "name")).collect()
}

/// Drops the indexes that an interrupted migration left, so that it can build them anew: `IF NOT EXISTS` would take
/// one that is not valid for the one that is wanted.
pub(crate) async fn drop_invalid_indexes(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
) -> Result<(), DbErr> {
    for index in invalid_indexes(db, schema).await? {
        tracing::warn!(%schema, index, "dropping an index that an interrupted migration left invalid");
        db.execute_unprepared(&format!("DROP INDEX CONCURRENTLY IF EXISTS {index}"))
            .await?;
    }
    Ok(())
}

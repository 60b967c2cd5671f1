//! Dirty schemas: an interrupted migration outside of a transaction leaves a mark ([`dirty_mark`]) and invalid indexes.

use sea_orm::{ConnectionTrait, DbErr};
use tenant_core::SchemaName;

use crate::{
    database::{scalar, texts},
    define::{Ledger, Step, dirty_mark},
};

/// Returns the step that was begun in a schema and did not end.
pub(crate) async fn find(db: &impl ConnectionTrait, ledger: Ledger<'_>) -> Result<Option<Step>, DbErr> {
    let sql = "SELECT obj_description(to_regclass($1), 'pg_class')";
    let comment: Option<Option<String>> = scalar(db, sql, [ledger.quoted().into()]).await?;
    Ok(comment.flatten().as_deref().and_then(dirty_mark::parse))
}

/// An index that was being built concurrently when that failed: PostgreSQL keeps it up to date and never uses it.
/// <https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY>
const INVALID_INDEXES: &str = include_str!("invalid_indexes.sql");

/// The indexes of a schema that are not valid, as SQL.
pub(crate) async fn invalid_indexes(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
) -> Result<Vec<String>, DbErr> {
    texts(db, INVALID_INDEXES, [schema.as_str().into()]).await
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

//! Sizes of schemas.

use std::collections::HashMap;

use sea_orm::ConnectionTrait as _;
use sea_orm::{DatabaseConnection, DbErr, FromQueryResult, TransactionTrait, raw_sql};

#[derive(FromQueryResult)]
struct Size {
    schema: String,
    bytes: i64,
}

/// Returns the bytes of the tables, indexes and materialized views of schemas. Left out are schemas without tables, and
/// tables that were dropped meanwhile.
///
/// # Errors
/// [`DbErr`], also if it takes too long: PostgreSQL locks a table to measure it, and a migration may hold that lock.
pub(super) async fn sizes(db: &DatabaseConnection, schemas: &[&str]) -> Result<HashMap<String, i64>, DbErr> {
    if schemas.is_empty() {
        return Ok(HashMap::new());
    }
    let transaction = db.begin().await?;
    transaction
        .execute_unprepared("SET LOCAL lock_timeout = '500ms'; SET LOCAL statement_timeout = '5s'")
        .await?;
    let rows = Size::find_by_statement(raw_sql!(
        Postgres,
        "SELECT schema.nspname::text AS schema,
                coalesce(sum(pg_total_relation_size(relation.oid)), 0)::bigint AS bytes
         FROM pg_catalog.pg_namespace AS schema
         JOIN pg_catalog.pg_class AS relation ON relation.relnamespace = schema.oid
         WHERE relation.relkind IN ('r', 'm') AND schema.nspname IN ({..schemas})
         GROUP BY schema.nspname"
    ))
    .all(&transaction)
    .await?;
    transaction.commit().await?;
    Ok(rows.into_iter().map(|row| (row.schema, row.bytes)).collect())
}

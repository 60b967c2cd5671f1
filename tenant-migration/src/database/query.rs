//! Running SQL that this crate writes itself.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, TryGetable, Value};

/// Settings for queries on PostgreSQL's catalogs about a few objects, for the rest of the transaction: they use indexes, and
/// are not compiled. With many schemas, PostgreSQL thinks that it is cheaper to read whole catalogs, and takes up to a second
/// to compile a query of some milliseconds.
/// <https://www.postgresql.org/docs/current/runtime-config-query.html#RUNTIME-CONFIG-QUERY-ENABLE>
pub(crate) const FOR_CATALOGS: &str =
    "SET LOCAL jit = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off;
    SET LOCAL enable_mergejoin = off";

/// Returns all rows of a query.
pub(crate) async fn rows(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<QueryResult>, DbErr> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    db.query_all_raw(statement).await
}

/// Returns the first column of each row, which is a text.
pub(crate) async fn texts(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<String>, DbErr> {
    let rows = rows(db, sql, values).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Returns the first column of the first row, if there is a row.
pub(crate) async fn scalar<T: TryGetable>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Option<T>, DbErr> {
    let rows = rows(db, sql, values).await?;
    rows.first().map(|row| row.try_get_by_index(0)).transpose()
}

/// Runs a statement that returns no rows.
pub(crate) async fn execute(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<(), DbErr> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    db.execute_raw(statement).await?;
    Ok(())
}

/// Returns a statement with its values written into it, as a part of a message of several statements.
pub(crate) fn inlined(sql: &str, values: impl IntoIterator<Item = Value>) -> String {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values).to_string()
}

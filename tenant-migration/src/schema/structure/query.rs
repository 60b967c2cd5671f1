//! Parts that all queries on PostgreSQL's catalogs share.

use sea_orm::{ConnectionTrait, DbErr, Value};

/// A query about what a schema has: `known.sql` and what is asked of it.
macro_rules! about_schema {
    ($($file:literal),+) => {
        concat!(include_str!("known.sql"), $("\n", include_str!($file)),+)
    };
}
pub(super) use about_schema;

pub(super) use crate::database::rows;
use crate::database::{FOR_CATALOGS, scalar};

/// Does something that leaves nothing behind in the transaction, however it ends: no setting, no error.
///
/// # Errors
/// [`DbErr`] if the transaction cannot go on.
pub(crate) async fn aside<T>(db: &impl ConnectionTrait, work: impl Future<Output = T>) -> Result<T, DbErr> {
    db.execute_unprepared("SAVEPOINT aside").await?;
    let done = work.await;
    db.execute_unprepared("ROLLBACK TO SAVEPOINT aside; RELEASE SAVEPOINT aside")
        .await?;
    Ok(done)
}

/// Puts the session where names of the catalogs are the catalogs', and values are written in one way. `path` comes
/// after those.
pub(super) async fn enter(db: &impl ConnectionTrait, path: &str) -> Result<(), DbErr> {
    let sql = format!(
        "SET LOCAL search_path = {path}, pg_temp; SET LOCAL row_security = off; SET LOCAL quote_all_identifiers = off;
        SET LOCAL datestyle = ISO; SET LOCAL intervalstyle = postgres; SET LOCAL extra_float_digits = 3;
        SET LOCAL timezone = 'UTC'; {FOR_CATALOGS}"
    );
    db.execute_unprepared(&sql).await?;
    Ok(())
}

/// The first column of the first row.
pub(super) async fn text(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Option<String>, DbErr> {
    scalar(db, sql, values).await.map(Option::flatten)
}

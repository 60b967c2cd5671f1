//! The lock of a schema: whoever migrates it holds it, in the session that does the work.
//!
//! It is a 64-bit advisory lock of PostgreSQL (32 bits collide among 100,000 tenants). It is asked for again and again
//! rather than waited for, and no transaction stays open meanwhile: `CREATE INDEX CONCURRENTLY` by the holder of the lock
//! waits for the end of every transaction that had a snapshot when it began, and would wait for this one for ever.
//! <https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY>

use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, IsolationLevel, TransactionTrait,
};
use tenant_core::SchemaName;

use crate::database::scalar;

/// Begins a transaction that holds the lock of a schema until its end.
///
/// It is READ COMMITTED, whatever the default is: what is read after the lock must be newer than the lock.
pub(crate) async fn begin_locked(
    db: &DatabaseConnection,
    schema: &SchemaName,
) -> Result<DatabaseTransaction, DbErr> {
    begin_all_locked(db, [schema]).await
}

/// Begins a transaction that holds the locks of several schemas. They are asked for in one order, whatever the order
/// of `schemas`.
pub(crate) async fn begin_all_locked<const N: usize>(
    db: &DatabaseConnection,
    mut schemas: [&SchemaName; N],
) -> Result<DatabaseTransaction, DbErr> {
    schemas.sort_by_key(|schema| key(schema));
    let mut pauses = Pauses::default();
    loop {
        let transaction = db
            .begin_with_config(Some(IsolationLevel::ReadCommitted), None)
            .await?;
        match first_busy(&transaction, schemas).await? {
            None => return Ok(transaction),
            Some(schema) => {
                transaction.rollback().await?;
                pauses.pause(schema).await;
            }
        }
    }
}

async fn first_busy<'a, const N: usize>(
    transaction: &DatabaseTransaction,
    schemas: [&'a SchemaName; N],
) -> Result<Option<&'a SchemaName>, DbErr> {
    for schema in schemas {
        if !try_acquire(transaction, schema).await? {
            return Ok(Some(schema));
        }
    }
    Ok(None)
}

/// Takes the lock of a schema until the end of the transaction. `false` if somebody has it.
pub(crate) async fn try_acquire(db: &impl ConnectionTrait, schema: &SchemaName) -> Result<bool, DbErr> {
    ask(
        db,
        "SELECT pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended($1, 0))",
        schema,
    )
    .await
}

/// A condition, as SQL: it takes the lock of a schema until the end of the transaction, and holds if nobody has it.
pub(crate) fn try_acquire_condition(schema: &SchemaName) -> String {
    // A name has no quotes.
    format!(
        "pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('{}', 0))",
        key(schema)
    )
}

/// Waits for the lock of a schema, on a connection of one session and outside of a transaction. It is held until
/// the session ends.
pub(crate) async fn acquire_in_session(db: &DatabaseConnection, schema: &SchemaName) -> Result<(), DbErr> {
    let mut pauses = Pauses::default();
    while !ask(
        db,
        "SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended($1, 0))",
        schema,
    )
    .await?
    {
        pauses.pause(schema).await;
    }
    Ok(())
}

/// True if this session has the lock of a schema.
/// <https://www.postgresql.org/docs/current/view-pg-locks.html>
pub(crate) async fn is_held(db: &impl ConnectionTrait, schema: &SchemaName) -> Result<bool, DbErr> {
    let sql = "SELECT EXISTS (
            SELECT FROM pg_catalog.pg_locks WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'advisory' AND objsubid = 1
                AND (classid::int8 << 32 | objid::int8) = pg_catalog.hashtextextended($1, 0)
        )";
    ask(db, sql, schema).await
}

async fn ask(db: &impl ConnectionTrait, sql: &str, schema: &SchemaName) -> Result<bool, DbErr> {
    Ok(scalar(db, sql, [key(schema).into()]).await?.unwrap_or(false))
}

/// The text whose hash is the number of the lock. Names that differ in case alone are one tenant's.
fn key(schema: &SchemaName) -> String {
    format!("tenant-migration:{}", schema.as_str().to_ascii_lowercase())
}

/// The pauses of somebody who waits for a lock: from 20 ms to 0.5 s, each twice as long as the one before.
pub(crate) struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

impl Pauses {
    /// Pauses before the lock is asked for again, and warns once, after about a second.
    pub(crate) async fn pause(&mut self, schema: &SchemaName) {
        tokio::time::sleep(self.0).await;
        if self.0 < LONGEST_PAUSE && self.0 * 2 >= LONGEST_PAUSE {
            tracing::warn!(%schema, "another run works on this schema: waiting for it to end");
        }
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
    }
}

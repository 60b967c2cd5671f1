//! The lock of a schema: whoever migrates it holds it, in the session that does the work.
//!
//! It is a 64-bit advisory lock of PostgreSQL (32 bits collide among 100,000 tenants). It is asked for again
//! and again rather than waited for, because a session that waits holds a snapshot, and
//! `CREATE INDEX CONCURRENTLY` by the holder of the lock would wait for that snapshot, for ever.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, sqlx::postgres::PgConnectOptions};
use tenant_core::{__private::shares_sessions, SchemaName};

use crate::error::SessionError;

/// How long the lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Until the transaction ends.
    Transaction,
    /// Until it is given back, or the session ends.
    Session,
}

impl Hold {
    fn statement(self, schema: &SchemaName) -> Statement {
        let sql = match self {
            Self::Transaction => "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS done",
            Self::Session => "SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS done",
        };
        Statement::from_sql_and_values(DbBackend::Postgres, sql, [key(schema).into()])
    }
}

/// Refuses an address where no client has a session of its own: a lock would stay behind there, held by nobody and for
/// ever.
pub(crate) async fn require_sessions(options: &PgConnectOptions) -> Result<(), SessionError> {
    match shares_sessions(options).await? {
        true => Err(SessionError::Pooler),
        false => Ok(()),
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Waits for the lock of a schema.
pub(crate) async fn acquire(db: &impl ConnectionTrait, schema: &SchemaName, hold: Hold) -> Result<(), DbErr> {
    let mut pause = FIRST_PAUSE;
    while !ask(db, hold.statement(schema)).await? {
        tokio::time::sleep(pause).await;
        if pause < LONGEST_PAUSE && pause * 2 >= LONGEST_PAUSE {
            tracing::warn!(%schema, "another run works on this schema: waiting for it to end");
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ok(())
}

/// Takes the lock of a schema if nobody has it.
pub(crate) async fn try_acquire(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
    hold: Hold,
) -> Result<bool, DbErr> {
    ask(db, hold.statement(schema)).await
}

/// Gives a session's lock back. `false` if it was not held any more.
pub(crate) async fn release(db: &impl ConnectionTrait, schema: &SchemaName) -> Result<bool, DbErr> {
    let sql = "SELECT pg_advisory_unlock(hashtextextended($1, 0)) AS done";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [key(schema).into()]);
    ask(db, statement).await
}

/// Whether this session has the lock of a schema.
/// <https://www.postgresql.org/docs/current/view-pg-locks.html>
pub(crate) async fn is_held(db: &impl ConnectionTrait, schema: &SchemaName) -> Result<bool, DbErr> {
    let sql = "SELECT EXISTS (
            SELECT FROM pg_catalog.pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND objsubid = 1
                AND (classid::int8 << 32 | objid::int8) = hashtextextended($1, 0)
        ) AS done";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [key(schema).into()]);
    ask(db, statement).await
}

async fn ask(db: &impl ConnectionTrait, statement: Statement) -> Result<bool, DbErr> {
    let row = db.query_one_raw(statement).await?;
    row.map_or(Ok(false), |row| row.try_get("", "done"))
}

/// Names that differ in case alone are one tenant's.
pub(crate) fn key(schema: &SchemaName) -> String {
    format!("tenant-migration:{}", schema.as_str().to_ascii_lowercase())
}

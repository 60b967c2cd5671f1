//! Detection of a pooler between the application and PostgreSQL, such as PgBouncer in transaction mode, which gives
//! each server connection to one client after another.
//!
//! The driver prepares a statement in one transaction and runs it in the next. If that is on another connection to the
//! server, it may find a statement of another client there, which may be another tenant's. So a pooler has to be named
//! by the application, and has to know prepared statements.
//! <https://www.pgbouncer.org/features.html>

use sea_orm::{
    DbErr,
    sqlx::{Connection as _, Error, Executor as _, PgConnection, Row as _, postgres::PgConnectOptions},
};

use super::{
    TIMEOUT,
    driver_error::{has_code, not_opened},
    settings::PoolSettings,
};
use crate::error::ConnectError;

/// Number of checks of two connections. A quiet pooler gives both the same connection to the server, or
/// takes turns; with other clients on it, theirs change. Several poolers behind one name may pass.
const ROUNDS: usize = 3;

/// Refuses a pooler that the application did not name, and one that does not know prepared statements.
///
/// # Errors
/// [`ConnectError`] if there is one, or the database is not reached.
pub(crate) async fn check(settings: &PoolSettings) -> Result<(), ConnectError> {
    let time = settings.connect_timeout;
    let checked = tokio::time::timeout(time, check_in_time(settings)).await;
    match checked.unwrap_or_else(|_| Err(not_opened(Error::PoolTimedOut).into())) {
        Err(ConnectError::Database(error)) => Err(settings.unreachable(error).await),
        checked => checked,
    }
}

async fn check_in_time(settings: &PoolSettings) -> Result<(), ConnectError> {
    // The connector has the hooks of the application, and tries again.
    let connector = settings.connector();
    let mut one = connector.acquire().await.map_err(not_opened)?.detach();
    let mut other = connector.acquire().await.map_err(not_opened)?.detach();
    let is_good = match settings.prepared_by_pooler {
        None => !share_a_connection(&mut one, &mut other)
            .await
            .map_err(not_opened)?,
        // With a name and not kept, a statement would stay at the server for ever.
        Some(_) if settings.statements_kept == 0 => false,
        Some(_) => keep_their_statements(&mut one, &mut other)
            .await
            .map_err(not_opened)?,
    };
    let _ = one.close().await;
    let _ = other.close().await;
    connector.close().await;
    match (is_good, settings.prepared_by_pooler) {
        (true, _) => Ok(()),
        (false, None) => Err(ConnectError::UnnamedPooler),
        (false, Some(statements)) => Err(ConnectError::PoolerPreparesNothing { statements }),
    }
}

/// True if a pooler in front of the server gives clients no session of their own. Ask before taking session locks.
///
/// # Errors
/// [`DbErr`] if the database is not reached.
pub async fn shares_sessions(options: &PgConnectOptions) -> Result<bool, DbErr> {
    let compared = tokio::time::timeout(TIMEOUT, compare_sessions(options)).await;
    match compared.unwrap_or(Err(Error::PoolTimedOut)) {
        // PostgreSQL has no connection left. A pooler would let its clients wait.
        Err(error) if has_code(&error, &["53300"]) => Ok(false),
        compared => compared.map_err(not_opened),
    }
}

async fn compare_sessions(options: &PgConnectOptions) -> Result<bool, Error> {
    let mut one = PgConnection::connect_with(options).await?;
    let mut other = PgConnection::connect_with(options).await?;
    let is_shared = share_a_connection(&mut one, &mut other).await?;
    let _ = one.close().await;
    let _ = other.close().await;
    Ok(is_shared)
}

/// True if two connections share a server process, or one changes its server process.
async fn share_a_connection(one: &mut PgConnection, other: &mut PgConnection) -> Result<bool, Error> {
    let first = (backend(one).await?, backend(other).await?);
    let mut is_shared = first.0 == first.1;
    for _ in 1..ROUNDS {
        // Twice in a row, for a pooler that takes turns.
        is_shared |= backend(one).await? != first.0;
        is_shared |= (backend(one).await?, backend(other).await?) != first;
    }
    Ok(is_shared)
}

/// Returns the id of the server process.
async fn backend(connection: &mut PgConnection) -> Result<i32, Error> {
    let row = connection.fetch_one("SELECT pg_catalog.pg_backend_pid()").await?;
    row.try_get(0)
}

/// True if each of two connections finds the statement that it prepared. Both use the same name for their first one.
async fn keep_their_statements(one: &mut PgConnection, other: &mut PgConnection) -> Result<bool, Error> {
    for _ in 0..ROUNDS {
        if !finds(one, "SELECT 1", 1).await? || !finds(other, "SELECT 2", 2).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn finds(connection: &mut PgConnection, sql: &'static str, expected: i32) -> Result<bool, Error> {
    match sea_orm::sqlx::query(sql).fetch_one(connection).await {
        Ok(row) => Ok(row.try_get::<i32, _>(0)? == expected),
        // The prepared statement is there already, or is not there.
        Err(error) if has_code(&error, &["42P05", "26000"]) => Ok(false),
        Err(error) => Err(error),
    }
}

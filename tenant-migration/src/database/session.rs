//! Sessions: what the driver connects with, and whether a session is a client's own.

use sea_orm::{
    DatabaseConnection, DatabaseConnectionType, DbErr, RuntimeErr,
    sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};
use tenant_core::__private::shares_sessions;

use crate::database::error::reason;

/// Why there is no session to keep locks in. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The database was not reached.
    #[error("{}", reason(.0))]
    Database(#[from] DbErr),
    /// A pooler in transaction mode stands between.
    #[error(
        "the database is reached through a pooler that gives a connection to the server to one client after another, such \
         as PgBouncer in transaction mode. Migrations, exports and imports keep locks in a session, so they need the URL of \
         PostgreSQL itself, or of a pooler in session mode: name it with --direct-url on the command line"
    )]
    Pooler,
}

/// Refuses an address where no client has a session of its own: a lock would stay behind there, held by nobody and for
/// ever.
pub(crate) async fn require_own_session(options: &PgConnectOptions) -> Result<(), SessionError> {
    match shares_sessions(options).await? {
        true => Err(SessionError::Pooler),
        false => Ok(()),
    }
}

/// Returns the options of the driver, with all that the application set.
pub(crate) fn driver_options(db: &DatabaseConnection) -> Option<PgConnectOptions> {
    Some((*pool(db)?.connect_options()).clone())
}

/// Connects one more session. The pool may have no connection left for it.
pub(crate) async fn connect_another(db: &DatabaseConnection) -> Result<DatabaseConnection, DbErr> {
    let options =
        driver_options(db).ok_or_else(|| DbErr::Custom("this is no connection to PostgreSQL".to_owned()))?;
    connect_one(options).await
}

/// Connects one session, however long it stays.
pub(crate) async fn connect_one(options: PgConnectOptions) -> Result<DatabaseConnection, DbErr> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await;
    let pool = pool.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
    Ok(pool.into())
}

/// Lets the pool of a connected session open no other one when that is lost. The server refuses it, since it has no such
/// setting.
pub(crate) fn forbid_reconnection(db: &DatabaseConnection) {
    if let Some(pool) = pool(db) {
        let options = (*pool.connect_options()).clone();
        pool.set_connect_options(options.options([("the_session_was_lost", "true")]));
    }
}

/// Refuses a connection by [`require_own_session`].
pub(crate) async fn require_sessions(db: &DatabaseConnection) -> Result<(), SessionError> {
    match driver_options(db) {
        Some(options) => require_own_session(&options).await,
        None => Ok(()),
    }
}

fn pool(db: &DatabaseConnection) -> Option<&PgPool> {
    match &db.inner {
        DatabaseConnectionType::SqlxPostgresPoolConnection(_) => Some(db.get_postgres_connection_pool()),
        _ => None,
    }
}

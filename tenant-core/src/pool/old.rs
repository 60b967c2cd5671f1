//! The pool behind all tenants: what a connection is put through when it comes back.

use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

/// Connects to the database. Sessions that come back are put back into the state that they began in.
#[cfg(feature = "sqlx-postgres")]
pub(crate) async fn connect(mut options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    postgres::reset_returned_sessions(&mut options).await?;
    Database::connect(options).await
}

#[cfg(not(feature = "sqlx-postgres"))]
pub(crate) async fn connect(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    Database::connect(options).await
}

#[cfg(feature = "sqlx-postgres")]
mod postgres {
    use std::time::Duration;

    use sea_orm::{
        ConnectOptions, Database, DatabaseConnectionType, DbErr,
        sqlx::{Error, Executor, PgConnection, Postgres, error::DatabaseError, pool::PoolOptions},
    };

    use crate::plant::{self, Plant};

    /// How long a session may take to be put back. sqlx 0.9.0 puts no bound on the ping that follows, and until
    /// the connection is closed or in the pool nobody else can have its place.
    const PATIENCE: Duration = Duration::from_secs(5);

    /// One message, hence one round trip and one transaction.
    ///
    /// The first statement fails if a transaction is open. `now()` is when the transaction began, and
    /// `statement_timestamp()` when the message came: they are equal in a transaction that the message itself
    /// began, and differ in one that was open before. In one that has failed nothing runs at all. (Tested on
    /// PostgreSQL 15.) Its names are written in full, because the session's `search_path` may be anybody's.
    ///
    /// Not `DISCARD ALL`, which would drop the prepared statements that sqlx goes on to use.
    const RESET: &str = "\
        SELECT 1 OPERATOR(pg_catalog./)
            (pg_catalog.now() OPERATOR(pg_catalog.=) pg_catalog.statement_timestamp())::pg_catalog.int4;
        RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL;
        CLOSE ALL; UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";

    /// SQLSTATE of the first statement's error, and of any statement after one that failed.
    const DIVISION_BY_ZERO: &str = "22012";
    const IN_FAILED_TRANSACTION: &str = "25P02";

    /// SeaORM keeps one function for the pool's options. The application may have set it, and it cannot be read, so
    /// what it does is taken from a pool that it was applied to.
    pub(super) async fn reset_returned_sessions(options: &mut ConnectOptions) -> Result<(), DbErr> {
        let Some(pool_options) = pool_options(options.clone()).await? else {
            return Ok(());
        };
        options.map_sqlx_postgres_pool_opts(move |_| with_reset(pool_options.clone()));
        Ok(())
    }

    /// The options of the pool that SeaORM would make. Nothing is connected to.
    async fn pool_options(mut options: ConnectOptions) -> Result<Option<PoolOptions<Postgres>>, DbErr> {
        options
            .connect_lazy(true)
            .after_connect(|_| Box::pin(async { Ok(()) }));
        let db = Database::connect(options).await?;
        let DatabaseConnectionType::SqlxPostgresPoolConnection(_) = &db.inner else {
            return Ok(None);
        };
        let pool_options = db.get_postgres_connection_pool().options().clone();
        db.close().await?;
        Ok(Some(pool_options))
    }

    fn with_reset(options: PoolOptions<Postgres>) -> PoolOptions<Postgres> {
        options.after_release(|connection, _| Box::pin(reset(connection)))
    }

    /// Whether the connection may go back into the pool, and if not, an error: after `Ok(false)` sqlx would close it
    /// with a message to the server, which may not be listening.
    async fn reset(connection: &mut PgConnection) -> Result<bool, Error> {
        if plant::is(Plant::SessionsNotReset) {
            return Ok(true);
        }
        match tokio::time::timeout(PATIENCE, connection.execute(RESET)).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(error)) => Err(explained(error)),
            Err(_) => Err(Error::Protocol(format!(
                "the server did not put the session back within {PATIENCE:?}; the connection is closed"
            ))),
        }
    }

    /// The error is logged by sqlx, and by nobody else.
    fn explained(error: Error) -> Error {
        let code = error.as_database_error().and_then(DatabaseError::code);
        match code.as_deref() {
            Some(DIVISION_BY_ZERO | IN_FAILED_TRANSACTION) => Error::Protocol(
                "a connection came back to the pool with a transaction open; it is closed, which rolls back"
                    .to_owned(),
            ),
            _ => error,
        }
    }
}

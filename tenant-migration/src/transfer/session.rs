//! A session of our own, which has the lock of a tenant while a program of PostgreSQL works in others.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Statement,
    sqlx::postgres::{PgConnectOptions, PgPoolOptions},
};
use tenant_core::SchemaName;

use crate::{
    database::{SessionError, driver_options, require_own_session},
    schema::lock,
};

/// The session. It ends with this value, and the lock with it.
pub(super) struct Session {
    pub(super) db: DatabaseConnection,
    schema: SchemaName,
}

impl Session {
    /// Waits for the lock of a schema.
    ///
    /// # Errors
    /// [`SessionError`] if the database is not reached, or a pooler in transaction mode stands between.
    pub(super) async fn lock(options: PgConnectOptions, schema: &SchemaName) -> Result<Self, SessionError> {
        require_own_session(&options).await?;
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options);
        let pool = pool
            .await
            .map_err(|error| DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))?;
        let session = Self {
            db: pool.into(),
            schema: schema.clone(),
        };
        session.stay().await?;
        lock::acquire_in_session(&session.db, schema).await?;
        Ok(session)
    }

    /// It does nothing for as long as the program takes. Servers before version 14 do not mind.
    async fn stay(&self) -> Result<(), DbErr> {
        let sql = "SELECT set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'";
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        self.db.query_all_raw(statement).await?;
        Ok(())
    }

    /// Whether it still has the lock. The pool opens another session for one that was lost.
    pub(super) async fn has_lock(&self) -> Result<bool, DbErr> {
        lock::is_held(&self.db, &self.schema).await
    }

    /// As [`has_lock`](Self::has_lock), where a transaction has the session.
    pub(super) async fn has_lock_in(&self, transaction: &DatabaseTransaction) -> Result<bool, DbErr> {
        lock::is_held(transaction, &self.schema).await
    }

    /// The server's major version.
    pub(super) async fn server_version(&self) -> Result<u32, DbErr> {
        let sql = "SELECT current_setting('server_version_num')::int / 10000 AS version";
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let row = self.db.query_one_raw(statement).await?;
        let version: i32 = row.map_or(Ok(0), |row| row.try_get("", "version"))?;
        Ok(version.unsigned_abs())
    }
}

/// What the driver connects with.
pub(super) fn options(db: &DatabaseConnection) -> Result<PgConnectOptions, DbErr> {
    let none = || DbErr::Custom("a tenant is exported and imported on a connection to PostgreSQL".to_owned());
    driver_options(db).ok_or_else(none)
}

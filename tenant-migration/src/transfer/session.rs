//! [`Session`]: holds the lock of a tenant while `pg_dump` or `pg_restore` works in other sessions.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, sqlx::postgres::PgConnectOptions};
use tenant_core::SchemaName;

use crate::{
    database::{SessionError, connect_one, driver_options, require_own_session, rows, scalar},
    schema::lock,
};

/// A session with the lock of a tenant. Dropping this value ends the session and releases the lock.
pub(super) struct Session {
    pub(super) db: DatabaseConnection,
    schema: SchemaName,
}

impl Session {
    /// Connects and waits for the lock of a schema.
    ///
    /// # Errors
    /// [`SessionError`] if the connection fails, or leads through a pooler in transaction mode.
    pub(super) async fn lock(options: PgConnectOptions, schema: &SchemaName) -> Result<Self, SessionError> {
        let session = Self::connect(options, schema).await?;
        lock::acquire_in_session(&session.db, schema).await?;
        Ok(session)
    }

    /// Connects without the lock.
    ///
    /// # Errors
    /// [`SessionError`] if the connection fails, or leads through a pooler in transaction mode.
    pub(super) async fn connect(
        options: PgConnectOptions,
        schema: &SchemaName,
    ) -> Result<Self, SessionError> {
        require_own_session(&options).await?;
        let session = Self {
            db: connect_one(options).await?,
            schema: schema.clone(),
        };
        session.disable_idle_timeout().await?;
        Ok(session)
    }

    /// Disables `idle_session_timeout`, because the session is idle while the program works. Servers before version 14 do not
    /// have the setting.
    async fn disable_idle_timeout(&self) -> Result<(), DbErr> {
        let sql = "SELECT set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'";
        rows(&self.db, sql, []).await?;
        Ok(())
    }

    /// True if the session still has the lock. If the session was lost, the pool has opened another one, without the lock. `db`
    /// is the session's connection, or a transaction that uses it.
    pub(super) async fn has_lock_in(&self, db: &impl ConnectionTrait) -> Result<bool, DbErr> {
        lock::is_held(db, &self.schema).await
    }

    /// Returns the server's major version.
    pub(super) async fn server_version(&self) -> Result<u32, DbErr> {
        let sql = "SELECT current_setting('server_version_num')::int / 10000";
        let version: Option<i32> = scalar(&self.db, sql, []).await?;
        Ok(version.unwrap_or_default().unsigned_abs())
    }
}

/// Returns the driver's connection options.
pub(super) fn connect_options(db: &DatabaseConnection) -> Result<PgConnectOptions, DbErr> {
    let not_postgres = || {
        DbErr::Custom("tenants can only be exported and imported on a connection to PostgreSQL".to_owned())
    };
    driver_options(db).ok_or_else(not_postgres)
}

//! Inherent methods of SeaORM's connections and transactions, for the tenants' ones: code that was written for a
//! `DatabaseConnection` compiles after a change of the type's name.

use std::fmt;

#[cfg(feature = "entity-registry")]
use sea_orm::EntityRegistry;
use sea_orm::{
    AccessMode, ConnectionTrait, DbBackend, DbErr, IsolationLevel, Schema, SchemaBuilder, TransactionError,
    TransactionSession, TransactionTrait,
};

#[cfg(feature = "rbac")]
use super::{RestrictedTenantConnection, RestrictedTenantTransaction};
use super::{TenantConnection, TenantTransaction};

/// Commits after a result, and rolls back after an error.
pub(super) async fn end_with<X, T, E>(transaction: X, result: Result<T, E>) -> Result<T, TransactionError<E>>
where
    X: TransactionSession,
    E: fmt::Display + fmt::Debug,
{
    match result {
        Ok(value) => {
            transaction.commit().await?;
            Ok(value)
        }
        Err(error) => {
            transaction.rollback().await?;
            Err(TransactionError::Transaction(error))
        }
    }
}

macro_rules! of_connections {
    ($connection:ty, $transaction:ty) => {
        impl $connection {
            /// Returns the backend: PostgreSQL.
            #[must_use]
            pub fn get_database_backend(&self) -> DbBackend {
                ConnectionTrait::get_database_backend(self)
            }

            /// Runs an async closure in a transaction. It is committed after `Ok`, and rolled back after `Err`.
            ///
            /// # Errors
            /// [`TransactionError`] with the error of the closure, or of the transaction.
            ///
            /// # Example
            /// ```no_run
            /// # use sea_orm::{ConnectionTrait, DbErr, TransactionError};
            /// # async fn example(db: tenant_core::TenantConnection) -> Result<(), TransactionError<DbErr>> {
            /// db.transaction_async(async |transaction| {
            ///     transaction.execute_unprepared("UPDATE note SET title = 'x'").await?;
            ///     Ok::<_, DbErr>(())
            /// })
            /// .await?;
            /// # Ok(())
            /// # }
            /// ```
            pub async fn transaction_async<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
            where
                F: for<'c> AsyncFnOnce(&'c $transaction) -> Result<T, E> + Send,
                T: Send,
                E: fmt::Display + fmt::Debug + Send,
            {
                let transaction = self.begin().await?;
                let result = callback(&transaction).await;
                end_with(transaction, result).await
            }

            /// Does the same as [`transaction_async`](Self::transaction_async), with an isolation level or an access
            /// mode.
            ///
            /// # Errors
            /// The same as [`transaction_async`](Self::transaction_async).
            pub async fn transaction_with_config_async<F, T, E>(
                &self,
                callback: F,
                isolation_level: Option<IsolationLevel>,
                access_mode: Option<AccessMode>,
            ) -> Result<T, TransactionError<E>>
            where
                F: for<'c> AsyncFnOnce(&'c $transaction) -> Result<T, E> + Send,
                T: Send,
                E: fmt::Display + fmt::Debug + Send,
            {
                let transaction = self.begin_with_config(isolation_level, access_mode).await?;
                let result = callback(&transaction).await;
                end_with(transaction, result).await
            }
        }
    };
}

macro_rules! of_transactions {
    ($transaction:ty) => {
        impl $transaction {
            /// Commits the transaction, or releases the savepoint of a nested one.
            ///
            /// # Errors
            /// [`DbErr`] if it was not committed, or if that is unknown
            /// ([`ConnectionError::CommitUnknown`](crate::ConnectionError::CommitUnknown)).
            pub async fn commit(self) -> Result<(), DbErr> {
                TransactionSession::commit(self).await
            }

            /// Rolls back the transaction, or to the savepoint of a nested one.
            ///
            /// # Errors
            /// [`DbErr`] if the connection was lost. PostgreSQL rolls back then, too.
            pub async fn rollback(self) -> Result<(), DbErr> {
                TransactionSession::rollback(self).await
            }
        }
    };
}

of_connections!(TenantConnection, TenantTransaction);
of_connections!(TenantTransaction, TenantTransaction);
of_transactions!(TenantTransaction);

#[cfg(feature = "rbac")]
of_connections!(RestrictedTenantConnection, RestrictedTenantTransaction);
#[cfg(feature = "rbac")]
of_connections!(RestrictedTenantTransaction, RestrictedTenantTransaction);
#[cfg(feature = "rbac")]
of_transactions!(RestrictedTenantTransaction);

impl TenantConnection {
    /// Returns a builder of tables. Its `apply` and `sync` run on
    /// [`for_schema_changes`](Self::for_schema_changes).
    #[must_use]
    pub fn get_schema_builder(&self) -> SchemaBuilder {
        Schema::new(DbBackend::Postgres).builder()
    }

    /// Returns a builder of the tables of all entities in a module, such as `my_app::tenant::*`.
    #[cfg(feature = "entity-registry")]
    #[must_use]
    pub fn get_schema_registry(&self, prefix: &str) -> SchemaBuilder {
        EntityRegistry::build_schema(Schema::new(DbBackend::Postgres), prefix)
    }

    /// Checks that the database answers.
    ///
    /// # Errors
    /// [`DbErr`] if no connection is free in time, or the database does not answer.
    pub async fn ping(&self) -> Result<(), DbErr> {
        match &self.pool {
            Some(pool) => pool.acquire(self.key).await?.ping().await,
            None => self.db.ping().await,
        }
    }
}

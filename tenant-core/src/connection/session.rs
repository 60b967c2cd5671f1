//! [`Session`]: the state that a transaction shares with its nested transactions.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use tokio::sync::OwnedMutexGuard;

use super::{ConnectionContext, TenantConnection};
use crate::{error::ConnectionError, pool::Lease};

/// One database session inside a transaction.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) context: Arc<ConnectionContext>,
    /// True if statements are compiled, false if they pass as they are written.
    pub(super) is_guarded: bool,
    /// Lock for the use of the connection. It holds the connection, if that is of the pool. SeaORM has a lock of its
    /// own, but dropping a transaction while that lock is held panics. Under this lock it is never held.
    turn: Arc<tokio::sync::Mutex<Option<Lease>>>,
    /// True for a connection of the pool, false for a transaction of SeaORM.
    pub(super) is_owned: bool,
    /// The plain connection for the shared schema, beside a connection of the pool.
    pub(super) shared: Option<DatabaseConnection>,
    /// Depth of the outermost level that was dropped. The next statement rolls back to its savepoint first. 0 for none.
    undo: AtomicUsize,
    /// Depth of the innermost open transaction. The outermost has 0. Changes under the lock only.
    innermost: AtomicUsize,
    /// Transactions that were dropped while the lock was held. The next holder of the lock rolls them back.
    dropped: Mutex<Vec<DatabaseTransaction>>,
    /// True after a nested transaction failed to begin, or was dropped while it began or ended. sqlx 0.9.0 then rolls
    /// back the outer transaction silently, and later statements would run outside of any transaction.
    is_broken: AtomicBool,
}

/// Guard of the lock for the use of the connection.
pub(super) struct Turn(OwnedMutexGuard<Option<Lease>>);

impl Turn {
    /// Returns the connection, if it is of the pool.
    pub(super) fn lease(&mut self) -> Option<&mut Lease> {
        self.0.as_mut()
    }
}

impl Session {
    /// Creates the session of a transaction of SeaORM's.
    pub(super) fn new(context: Arc<ConnectionContext>, is_guarded: bool) -> Self {
        Self::with(context, is_guarded, None)
    }

    /// Creates the session of a connection of the pool.
    pub(super) fn owned(connection: &TenantConnection, is_guarded: bool, lease: Lease) -> Self {
        Self {
            shared: Some(connection.db.clone()),
            ..Self::with(Arc::clone(&connection.context), is_guarded, Some(lease))
        }
    }

    fn with(context: Arc<ConnectionContext>, is_guarded: bool, lease: Option<Lease>) -> Self {
        Self {
            context,
            is_guarded,
            is_owned: lease.is_some(),
            shared: None,
            undo: AtomicUsize::new(0),
            turn: Arc::new(tokio::sync::Mutex::new(lease)),
            innermost: AtomicUsize::new(0),
            dropped: Mutex::default(),
            is_broken: AtomicBool::new(false),
        }
    }

    /// Waits for the lock.
    async fn turn(&self) -> Result<Turn, DbErr> {
        let turn = Turn(Arc::clone(&self.turn).lock_owned().await);
        self.roll_back_dropped();
        if self.is_broken() {
            return Err(self.broken());
        }
        Ok(turn)
    }

    /// Reads the rest of a statement that was cut off, and rolls back levels that were dropped.
    async fn catch_up(&self, lease: &mut Lease) -> Result<(), DbErr> {
        if lease.is_in_flight() {
            lease.synchronize().await?;
        }
        let level = self.undo.load(Ordering::Acquire);
        if level == 0 {
            return Ok(());
        }
        lease.synchronize().await?;
        // All is read, so the first poll of `run` sends the statement. From here on it runs even if this is dropped.
        self.undo.store(0, Ordering::Release);
        lease.run(&roll_back_to(level)).await?;
        // The error belongs to the part that was rolled back.
        lease.take_unseen_error();
        Ok(())
    }

    /// Leaves the rollback of a nested level that was dropped to the next holder of the lock.
    fn abandon(&self, depth: usize) {
        let undo = match self.undo.load(Ordering::Acquire) {
            0 => depth,
            other => other.min(depth),
        };
        // In this order: whoever sees that the level is closed must see the rollback that is due.
        self.undo.store(undo, Ordering::Release);
        self.closed_one();
    }

    /// Refuses all further work.
    pub(super) fn break_off(&self) {
        self.is_broken.store(true, Ordering::Release);
    }

    /// Returns a guard for the time in which a transaction begins or ends. If it is dropped before `finish`, the
    /// session is broken: from then on, sqlx would count the open transactions wrong.
    pub(super) fn unfinished(self: &Arc<Self>) -> Unfinished {
        Unfinished(Some(Arc::clone(self)))
    }

    pub(super) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Acquire)
    }

    pub(super) fn broken(&self) -> DbErr {
        let tenant = self.context.schema().clone();
        ConnectionError::TransactionBroken { tenant }.into()
    }

    pub(super) fn nested_open(&self) -> DbErr {
        let tenant = self.context.schema().clone();
        ConnectionError::NestedOpen { tenant }.into()
    }

    pub(super) fn render(&self, sql: &str) -> Result<String, DbErr> {
        if self.is_guarded {
            self.context.render(sql)
        } else {
            self.context.render_unguarded(sql)
        }
    }

    /// Rolls back dropped transactions, innermost first. Call it under the lock.
    fn roll_back_dropped(&self) {
        let dropped = std::mem::take(&mut *self.dropped());
        for transaction in dropped {
            self.close(transaction);
        }
    }

    /// Rolls back by dropping. Call it under the lock.
    fn close(&self, transaction: DatabaseTransaction) {
        drop(transaction);
        self.closed_one();
    }

    /// Counts the innermost transaction as closed.
    pub(super) fn closed_one(&self) {
        let depth = self.innermost.load(Ordering::Acquire);
        self.innermost.store(depth.saturating_sub(1), Ordering::Release);
    }

    fn dropped(&self) -> MutexGuard<'_, Vec<DatabaseTransaction>> {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A transaction that begins or ends.
#[derive(Debug)]
#[must_use = "breaks the session off when it is dropped"]
pub(super) struct Unfinished(Option<Arc<Session>>);

impl Unfinished {
    pub(super) fn finish(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(session) = &self.0 {
            session.break_off();
        }
    }
}

/// Returns the name of the savepoint of a level.
pub(super) fn savepoint(depth: usize) -> String {
    format!("tenant_level_{depth}")
}

/// Returns the statements that undo a level. They release its savepoint, which PostgreSQL would keep until the end.
pub(super) fn roll_back_to(depth: usize) -> String {
    let savepoint = savepoint(depth);
    format!("ROLLBACK TO SAVEPOINT {savepoint}; RELEASE SAVEPOINT {savepoint}")
}

/// An open transaction.
#[derive(Debug)]
pub(super) enum Open {
    /// Of SeaORM.
    SeaOrm(DatabaseTransaction),
    /// On a connection of the pool, which is in the session.
    Owned,
}

/// One level of nesting: its transaction, and the level around it.
#[derive(Debug)]
pub(super) struct Level {
    pub(super) session: Arc<Session>,
    pub(super) depth: usize,
    /// `None` after the level ended.
    transaction: Option<Open>,
    /// True after a statement failed: PostgreSQL refuses all others and turns COMMIT into ROLLBACK.
    has_failed: AtomicBool,
    /// The level around this one. It stays open as long as this one.
    parent: Option<Arc<Level>>,
}

impl Level {
    /// Creates the outermost level.
    pub(super) fn outermost(session: Arc<Session>, transaction: Open) -> Self {
        Self {
            session,
            depth: 0,
            transaction: Some(transaction),
            has_failed: AtomicBool::new(false),
            parent: None,
        }
    }

    /// Creates the level inside of `parent`. Call it under the lock.
    pub(super) fn nested(parent: Arc<Self>, transaction: Open) -> Self {
        let session = Arc::clone(&parent.session);
        let depth = parent.depth + 1;
        session.innermost.store(depth, Ordering::Release);
        Self {
            session,
            depth,
            transaction: Some(transaction),
            has_failed: AtomicBool::new(false),
            parent: Some(parent),
        }
    }

    /// Waits for the lock, and fails if a nested level is open.
    ///
    /// sqlx names savepoints by their depth, so work on an outer level would belong to the open nested level, and be
    /// undone with it.
    pub(super) async fn turn(&self) -> Result<Turn, DbErr> {
        let mut turn = self.session.turn().await?;
        let innermost = self.session.innermost.load(Ordering::Acquire);
        if innermost != self.depth {
            return Err(self.session.nested_open());
        }
        if let Some(lease) = turn.lease() {
            self.catch_up(lease).await?;
        }
        Ok(turn)
    }

    async fn catch_up(&self, lease: &mut Lease) -> Result<(), DbErr> {
        if self.session.catch_up(lease).await.is_err() {
            self.session.break_off();
            return Err(self.session.broken());
        }
        if lease.take_unseen_error() {
            self.has_failed.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Returns the result, and marks the level as failed if it is an error of PostgreSQL.
    pub(super) fn note<T>(&self, result: Result<T, DbErr>) -> Result<T, DbErr> {
        if result.as_ref().is_err_and(is_refusal_of_the_database) {
            self.has_failed.store(true, Ordering::Release);
        }
        result
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// Returns the transaction of SeaORM, until the level ends.
    pub(super) fn transaction(&self) -> Result<&DatabaseTransaction, DbErr> {
        match &self.transaction {
            Some(Open::SeaOrm(transaction)) => Ok(transaction),
            _ => Err(self.session.broken()),
        }
    }

    pub(super) fn is_nested(&self) -> bool {
        self.parent.is_some()
    }

    /// Takes the transaction out, so that dropping the level does not end it.
    pub(super) fn take(mut self) -> Option<(Open, Option<Arc<Self>>)> {
        let transaction = self.transaction.take()?;
        Some((transaction, self.parent.take()))
    }
}

/// Rolls back under the lock: SeaORM's transaction must not be dropped while the connection is in use.
impl Drop for Level {
    fn drop(&mut self) {
        let Some(transaction) = self.transaction.take() else {
            return;
        };
        let transaction = match transaction {
            Open::SeaOrm(transaction) => transaction,
            // The outermost one ends with the lease.
            Open::Owned if self.is_nested() => {
                return self.session.abandon(self.depth);
            }
            Open::Owned => return self.session.closed_one(),
        };
        match Arc::clone(&self.session.turn).try_lock_owned() {
            Ok(_turn) => {
                self.session.roll_back_dropped();
                self.session.close(transaction);
            }
            Err(_) => self.session.dropped().push(transaction),
        }
    }
}

/// True for an error that PostgreSQL sent.
#[cfg(feature = "sqlx-postgres")]
pub(super) fn is_refusal_of_the_database(error: &DbErr) -> bool {
    let (DbErr::Exec(error) | DbErr::Query(error) | DbErr::Conn(error)) = error else {
        return false;
    };
    matches!(error, sea_orm::RuntimeErr::SqlxError(error) if error.as_database_error().is_some())
}

#[cfg(not(feature = "sqlx-postgres"))]
pub(super) fn is_refusal_of_the_database(_: &DbErr) -> bool {
    false
}

/// True for a FATAL or PANIC error, after which the session is over. A pooler sends it, too, if it lost the server.
/// <https://www.postgresql.org/docs/current/protocol-error-fields.html>
#[cfg(feature = "sqlx-postgres")]
pub(super) fn ends_the_session(error: &DbErr) -> bool {
    use sea_orm::sqlx::postgres::{PgDatabaseError, PgSeverity};

    let (DbErr::Exec(sea_orm::RuntimeErr::SqlxError(error))
    | DbErr::Query(sea_orm::RuntimeErr::SqlxError(error))
    | DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    let error = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    error.is_some_and(|error| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic))
}

#[cfg(not(feature = "sqlx-postgres"))]
pub(super) fn ends_the_session(_: &DbErr) -> bool {
    false
}

//! [`Session`]: what a transaction and the ones nested in it share.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use sea_orm::{DatabaseTransaction, DbErr};
use tokio::sync::OwnedMutexGuard;

use super::ConnectionContext;
use crate::{error::ConnectionError, pool::Lease};

/// One database session inside a transaction.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) context: Arc<ConnectionContext>,
    /// Whether statements are compiled, or pass as they are written.
    pub(super) is_guarded: bool,
    /// Held by whoever talks to the database. It has the connection in it, if that is of the pool. SeaORM has a lock of
    /// its own, but a transaction that is dropped while that one is held panics; under ours it is never held.
    turn: Arc<tokio::sync::Mutex<Option<Lease>>>,
    /// True if the connection is of the pool, and the transaction begun by us.
    pub(super) is_owned: bool,
    /// The savepoint to roll back to before anything else is done: that of the outermost level that was dropped. 0 if
    /// there is none.
    undo: AtomicUsize,
    /// How deep the innermost open transaction is; the outermost is 0. Changed in turn only.
    innermost: AtomicUsize,
    /// Transactions that were dropped out of turn. Whoever has the turn next rolls them back.
    dropped: Mutex<Vec<DatabaseTransaction>>,
    /// A nested transaction failed to begin, or one was given up while it began or ended. sqlx 0.9.0 then rolls
    /// back the outer one without a word, and what follows would run outside of any.
    is_broken: AtomicBool,
}

/// The right to talk to the database.
pub(super) struct Turn(OwnedMutexGuard<Option<Lease>>);

impl Turn {
    /// The connection, if it is of the pool.
    pub(super) fn lease(&mut self) -> Option<&mut Lease> {
        self.0.as_mut()
    }
}

impl Session {
    /// The session of a transaction of SeaORM's.
    pub(super) fn new(context: Arc<ConnectionContext>, is_guarded: bool) -> Self {
        Self::with(context, is_guarded, None)
    }

    /// The session of a connection of the pool.
    pub(super) fn owned(context: Arc<ConnectionContext>, is_guarded: bool, lease: Lease) -> Self {
        Self::with(context, is_guarded, Some(lease))
    }

    fn with(context: Arc<ConnectionContext>, is_guarded: bool, lease: Option<Lease>) -> Self {
        Self {
            context,
            is_guarded,
            is_owned: lease.is_some(),
            undo: AtomicUsize::new(0),
            turn: Arc::new(tokio::sync::Mutex::new(lease)),
            innermost: AtomicUsize::new(0),
            dropped: Mutex::default(),
            is_broken: AtomicBool::new(false),
        }
    }

    /// Waits for the right to talk to the database.
    async fn turn(&self) -> Result<Turn, DbErr> {
        let turn = Turn(Arc::clone(&self.turn).lock_owned().await);
        self.roll_back_dropped();
        if self.is_broken() {
            return Err(self.broken());
        }
        Ok(turn)
    }

    /// Reads what a statement that was cut off left unread, and rolls back levels that were dropped.
    async fn catch_up(&self, lease: &mut Lease) -> Result<(), DbErr> {
        if lease.is_in_flight() {
            lease.synchronize().await?;
        }
        let level = self.undo.load(Ordering::Acquire);
        if level == 0 {
            return Ok(());
        }
        lease.synchronize().await?;
        // After that, the first poll sends it: from here on it is done, whether somebody waits for it or not.
        self.undo.store(0, Ordering::Release);
        lease.run(&roll_back_to(level)).await?;
        // It failed inside of what was rolled back.
        lease.take_unseen_error();
        Ok(())
    }

    /// A nested level was dropped. Whoever has the turn next rolls it back.
    fn abandon(&self, depth: usize) {
        let undo = match self.undo.load(Ordering::Acquire) {
            0 => depth,
            other => other.min(depth),
        };
        // In this order: who sees that it is over has to see that it is to be rolled back.
        self.undo.store(undo, Ordering::Release);
        self.closed_one();
    }

    /// Refuses all further work.
    pub(super) fn break_off(&self) {
        self.is_broken.store(true, Ordering::Release);
    }

    /// To be held while a transaction begins or ends: unless it is told of the end, all further work is refused.
    /// sqlx would count wrong from then on.
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

    /// To be called in turn. A transaction is dropped after those nested in it, which is the order they are
    /// in here.
    fn roll_back_dropped(&self) {
        let dropped = std::mem::take(&mut *self.dropped());
        for transaction in dropped {
            self.close(transaction);
        }
    }

    /// Rolls back by dropping, in turn.
    fn close(&self, transaction: DatabaseTransaction) {
        drop(transaction);
        self.closed_one();
    }

    /// The innermost transaction ended.
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

/// The name of the savepoint of a level.
pub(super) fn savepoint(depth: usize) -> String {
    format!("tenant_level_{depth}")
}

/// Undoes a level. Its savepoint goes, too, or PostgreSQL would keep it until the transaction ends.
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
    /// Taken when the level ends.
    transaction: Option<Open>,
    /// A statement failed, after which PostgreSQL refuses all others and turns COMMIT into ROLLBACK.
    has_failed: AtomicBool,
    /// Keeps the transaction around this one open for as long as this one is.
    parent: Option<Arc<Level>>,
}

impl Level {
    /// The outermost level.
    pub(super) fn outermost(session: Arc<Session>, transaction: Open) -> Self {
        Self {
            session,
            depth: 0,
            transaction: Some(transaction),
            has_failed: AtomicBool::new(false),
            parent: None,
        }
    }

    /// The level inside of `parent`, to be made in turn.
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

    /// Waits for the right to talk to the database as this level.
    ///
    /// sqlx names savepoints by their depth: what is done on a level that has another one open inside would be
    /// done to that one, and undone with it.
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

    /// Passes a result on, and remembers if it is PostgreSQL's refusal.
    pub(super) fn note<T>(&self, result: Result<T, DbErr>) -> Result<T, DbErr> {
        if result.as_ref().is_err_and(is_refusal_of_the_database) {
            self.has_failed.store(true, Ordering::Release);
        }
        result
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// The transaction of SeaORM, which is there until the level ends.
    pub(super) fn transaction(&self) -> Result<&DatabaseTransaction, DbErr> {
        match &self.transaction {
            Some(Open::SeaOrm(transaction)) => Ok(transaction),
            _ => Err(self.session.broken()),
        }
    }

    pub(super) fn is_nested(&self) -> bool {
        self.parent.is_some()
    }

    /// Takes the transaction out, to end it.
    pub(super) fn take(mut self) -> Option<(Open, Option<Arc<Self>>)> {
        let transaction = self.transaction.take()?;
        Some((transaction, self.parent.take()))
    }
}

/// Rolls back, in its turn: SeaORM's transaction must not be dropped while somebody else talks.
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

/// Whether PostgreSQL answered with an error, rather than not at all.
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

/// Whether an error says that the session is over. A pooler says so, too, when it has lost the server.
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

//! [`Session`]: what a transaction and the ones nested in it share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sea_orm::{DatabaseTransaction, DbErr};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::Scope;
use crate::error::ConnectionError;

/// One database session inside a transaction.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) scope: Arc<Scope>,
    /// Whether statements are compiled, or pass as they are written.
    pub(super) is_guarded: bool,
    /// Held by whoever talks to the database. SeaORM has a lock of its own, but a transaction that is
    /// dropped while that one is held panics; under ours it is never held.
    turn: Arc<Mutex<()>>,
    /// A nested transaction failed to begin. sqlx 0.9.0 then rolls back the outer one without a word, and
    /// what follows would run outside of any.
    is_broken: AtomicBool,
}

/// The right to talk to the database.
pub(super) type Turn = OwnedMutexGuard<()>;

impl Session {
    pub(super) fn new(scope: Arc<Scope>, is_guarded: bool) -> Self {
        Self {
            scope,
            is_guarded,
            turn: Arc::default(),
            is_broken: AtomicBool::new(false),
        }
    }

    /// Waits for the right to talk to the database.
    pub(super) async fn turn(&self) -> Result<Turn, DbErr> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        if self.is_broken.load(Ordering::Acquire) {
            return Err(self.broken());
        }
        Ok(turn)
    }

    /// Refuses all further work.
    pub(super) fn break_off(&self) {
        self.is_broken.store(true, Ordering::Release);
    }

    pub(super) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Acquire)
    }

    pub(super) fn broken(&self) -> DbErr {
        let tenant = self.scope.schema().clone();
        ConnectionError::TransactionBroken { tenant }.into()
    }

    pub(super) fn render(&self, sql: &str) -> Result<String, DbErr> {
        if self.is_guarded {
            self.scope.render(sql)
        } else {
            self.scope.render_unguarded(sql)
        }
    }
}

/// One level of nesting: the transaction of SeaORM, and the level around it.
#[derive(Debug)]
pub(super) struct Level {
    pub(super) session: Arc<Session>,
    /// Taken when the level ends.
    transaction: Option<DatabaseTransaction>,
    /// A statement failed, after which PostgreSQL refuses all others and turns COMMIT into ROLLBACK.
    has_failed: AtomicBool,
    /// Keeps the transaction around this one open for as long as this one is: sqlx counts savepoints, and
    /// would roll back the wrong one.
    parent: Option<Arc<Level>>,
}

impl Level {
    pub(super) fn new(
        session: Arc<Session>,
        transaction: DatabaseTransaction,
        parent: Option<Arc<Self>>,
    ) -> Self {
        Self {
            session,
            transaction: Some(transaction),
            has_failed: AtomicBool::new(false),
            parent,
        }
    }

    /// Passes a result on, and remembers if it is PostgreSQL's refusal. Where statements pass as they are
    /// written, one may be a savepoint to go back to, so that a refusal says nothing of the end.
    pub(super) fn note<T>(&self, result: Result<T, DbErr>) -> Result<T, DbErr> {
        if self.session.is_guarded && result.as_ref().is_err_and(is_refusal_of_the_database) {
            self.has_failed.store(true, Ordering::Release);
        }
        result
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// The transaction, which is there until the level ends.
    pub(super) fn transaction(&self) -> Result<&DatabaseTransaction, DbErr> {
        self.transaction.as_ref().ok_or_else(|| self.session.broken())
    }

    pub(super) fn is_nested(&self) -> bool {
        self.parent.is_some()
    }

    /// Takes the transaction out, to end it.
    pub(super) fn take(mut self) -> Option<(DatabaseTransaction, Option<Arc<Self>>)> {
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
        let parent = self.parent.take();
        let turn = Arc::clone(&self.session.turn);
        match Arc::clone(&turn).try_lock_owned() {
            Ok(held) => {
                drop(transaction);
                drop(held);
            }
            // Somebody talks, so there is a runtime.
            Err(_) => {
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    runtime.spawn(async move {
                        let held = turn.lock_owned().await;
                        drop(transaction);
                        drop(held);
                        drop(parent);
                    });
                }
            }
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

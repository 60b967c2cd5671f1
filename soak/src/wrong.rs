//! [`Wrong`]: how an operation failed, and what kind of error SeaORM's is.

use std::{borrow::Cow, fmt};

use sea_orm::{DbErr, RuntimeErr, TransactionError};
use tenant_core::ConnectionError;

/// How an operation failed.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// The library returned an error, which may be right.
    Error(DbErr),
    /// Something is what it must not be.
    Violation(String),
}

pub(crate) type Done = Result<(), Wrong>;

impl From<DbErr> for Wrong {
    fn from(error: DbErr) -> Self {
        Self::Error(error)
    }
}

impl From<TransactionError<DbErr>> for Wrong {
    fn from(error: TransactionError<DbErr>) -> Self {
        let (TransactionError::Connection(error) | TransactionError::Transaction(error)) = error;
        Self::Error(error)
    }
}

impl From<String> for Wrong {
    fn from(what: String) -> Self {
        Self::Violation(what)
    }
}

/// A violation, as an error.
pub(crate) fn violation<T>(what: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong::Violation(what.into()))
}

/// A violation unless something holds.
pub(crate) fn require(holds: bool, what: impl FnOnce() -> String) -> Done {
    if holds { Ok(()) } else { violation(what()) }
}

/// What kind of error it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// PostgreSQL answered with this SQLSTATE.
    Database(String),
    /// The connection was lost, or could not be made.
    Lost,
    /// No connection of the pool became free.
    PoolTimeout,
    /// The library refused a statement.
    Refused,
    /// The transaction is over because a nested one could not begin.
    Broken,
    /// A nested transaction is still open.
    NestedOpen,
    /// COMMIT after a failed statement.
    StatementFailed,
    /// The reply to COMMIT was lost.
    CommitUnknown,
    /// The tenant's role is not there.
    NoRole,
    /// Everything else.
    Other,
}

impl Kind {
    pub(crate) fn of(error: &DbErr) -> Self {
        if let Some(error) = ConnectionError::of(error) {
            return Self::of_library(error);
        }
        match error {
            DbErr::Exec(error) | DbErr::Query(error) | DbErr::Conn(error) => Self::of_driver(error),
            DbErr::ConnectionAcquire(sea_orm::error::ConnAcquireErr::Timeout) => Self::PoolTimeout,
            DbErr::ConnectionAcquire(_) => Self::Lost,
            _ => Self::Other,
        }
    }

    fn of_library(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::Refused { .. } => Self::Refused,
            ConnectionError::TransactionBroken { .. } => Self::Broken,
            ConnectionError::NestedOpen { .. } => Self::NestedOpen,
            ConnectionError::StatementFailed { .. } => Self::StatementFailed,
            ConnectionError::CommitUnknown { .. } => Self::CommitUnknown,
            ConnectionError::NoRole { .. } => Self::NoRole,
            ConnectionError::NoSchema { .. } => Self::Database("3F000".to_owned()),
            ConnectionError::AcquireTimeout { .. } => Self::PoolTimeout,
            _ => Self::Other,
        }
    }

    fn of_driver(error: &RuntimeErr) -> Self {
        let RuntimeErr::SqlxError(error) = error else {
            return Self::Other;
        };
        match &**error {
            sea_orm::SqlxError::Database(error) => {
                Self::Database(error.code().map(Cow::into_owned).unwrap_or_default())
            }
            sea_orm::SqlxError::PoolTimedOut => Self::PoolTimeout,
            sea_orm::SqlxError::Io(_)
            | sea_orm::SqlxError::Protocol(_)
            | sea_orm::SqlxError::WorkerCrashed
            | sea_orm::SqlxError::BeginFailed
            | sea_orm::SqlxError::PoolClosed => Self::Lost,
            _ => Self::Other,
        }
    }

    /// Whether a change that was sent may have been made although this came back.
    pub(crate) fn leaves_open(&self) -> bool {
        matches!(
            self,
            Self::Lost | Self::PoolTimeout | Self::CommitUnknown | Self::Other
        )
    }

    /// Whether a lost connection explains it.
    pub(crate) fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::Lost | Self::PoolTimeout | Self::CommitUnknown | Self::Broken
        )
    }

    /// Whether it is how PostgreSQL says that a schema is being dropped, or was: no such table, schema, type or role; a
    /// deadlock with the one who drops; a relation or type that went away under a plan; rights that were taken.
    pub(crate) fn is_of_a_dropped_schema(&self) -> bool {
        const STATES: [&str; 6] = ["42P01", "3F000", "42704", "40P01", "XX000", "42501"];
        match self {
            Self::Database(code) => STATES.contains(&code.as_str()),
            Self::NoRole => true,
            _ => false,
        }
    }

    /// Whether it is how PostgreSQL says that a schema is not there.
    pub(crate) fn is_of_a_missing_schema(&self) -> bool {
        match self {
            Self::Database(code) => code == "42P01" || code == "3F000",
            Self::NoRole => true,
            _ => false,
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => write!(f, "unexpected error: {error}"),
            Self::Violation(what) => f.write_str(what),
        }
    }
}

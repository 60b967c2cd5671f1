//! [`Outcome`]: the result of an operation. [`Kind`]: the classes of SeaORM's errors.

use std::{borrow::Cow, fmt};

use sea_orm::{DbErr, RuntimeErr, TransactionError};
use tenant_core::ConnectionError;

/// Failure of an operation.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library returned an error, which may be excused.
    Error(DbErr),
    /// The library broke a promise.
    Violation(String),
}

/// The result of an operation or of a check.
pub(crate) type Outcome = Result<(), Failure>;

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        Self::Error(error)
    }
}

impl From<TransactionError<DbErr>> for Failure {
    fn from(error: TransactionError<DbErr>) -> Self {
        let (TransactionError::Connection(error) | TransactionError::Transaction(error)) = error;
        Self::Error(error)
    }
}

impl From<String> for Failure {
    fn from(what: String) -> Self {
        Self::Violation(what)
    }
}

/// Returns a violation as an error.
pub(crate) fn violation<T>(what: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Violation(what.into()))
}

/// Returns a violation unless `holds`.
pub(crate) fn require(holds: bool, what: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { violation(what()) }
}

/// Class of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// PostgreSQL answered with this SQLSTATE.
    Database(String),
    /// The connection was lost or could not be made.
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
            ConnectionError::AcquireTimeout { .. } | ConnectionError::Unreachable { .. } => Self::PoolTimeout,
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

    /// True if a change that was sent may have been made despite this error.
    pub(crate) fn leaves_outcome_unknown(&self) -> bool {
        matches!(
            self,
            Self::Lost | Self::PoolTimeout | Self::CommitUnknown | Self::Other
        )
    }

    /// True if a lost connection explains it.
    pub(crate) fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::Lost | Self::PoolTimeout | Self::CommitUnknown | Self::Broken
        )
    }

    /// True if a dropped schema explains it: a missing table, schema, type or role; a deadlock with the deletion; a
    /// relation or type that vanished under a plan; revoked privileges.
    pub(crate) fn is_dropped_schema(&self) -> bool {
        const STATES: [&str; 6] = ["42P01", "3F000", "42704", "40P01", "XX000", "42501"];
        match self {
            Self::Database(code) => STATES.contains(&code.as_str()),
            Self::NoRole => true,
            _ => false,
        }
    }

    /// True if a missing schema explains it.
    pub(crate) fn is_missing_schema(&self) -> bool {
        match self {
            Self::Database(code) => code == "42P01" || code == "3F000",
            Self::NoRole => true,
            _ => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => write!(f, "unexpected error: {error}"),
            Self::Violation(what) => f.write_str(what),
        }
    }
}

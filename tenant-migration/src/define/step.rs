//! [`Step`]: one thing that is done in a schema.

use std::{fmt, sync::Arc};

/// One thing that is done in a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Everything in the schema is dropped.
    Recreate,
    /// A migration is rolled back.
    Down(Arc<str>),
    /// A migration is applied.
    Up(Arc<str>),
    /// A migration is written into the ledger without being run.
    Fake(Arc<str>),
    /// The ledger is dropped.
    DropLedger,
}

/// Names a step that is done: `applied m20260101_000001_create_note`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recreate => f.write_str("dropped everything"),
            Self::Down(name) => write!(f, "rolled back {name}"),
            Self::Up(name) => write!(f, "applied {name}"),
            Self::Fake(name) => write!(f, "recorded {name} without running it"),
            Self::DropLedger => f.write_str("dropped the ledger"),
        }
    }
}

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

impl Step {
    /// Returns the migration.
    pub(crate) fn migration(&self) -> Option<&str> {
        match self {
            Self::Down(name) | Self::Up(name) | Self::Fake(name) => Some(name),
            Self::Recreate | Self::DropLedger => None,
        }
    }

    /// Says that steps of this kind are done, with `names` for their migrations.
    pub(crate) fn describe(&self, names: &str) -> String {
        match self {
            Self::Recreate => "dropped everything".to_owned(),
            Self::Down(_) => format!("rolled back {names}"),
            Self::Up(_) => format!("applied {names}"),
            Self::Fake(_) => format!("recorded {names} (not run)"),
            Self::DropLedger => "dropped the ledger".to_owned(),
        }
    }
}

/// Names a step that is done: `applied m20260101_000001_create_note`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe(self.migration().unwrap_or_default()))
    }
}

//! [`Target`] and [`Action`]: which schemas to work on, and what to do with them.

use std::fmt;

use tenant_core::SchemaName;

/// Schemas to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The shared schema, then every tenant's. Actions that drop data leave the shared schema out: see [`Action`].
    ///
    /// These are tenants in use, suspended or not, and pending schemas; not tenants that are archived, still being
    /// made, or being dropped. Those are to be named.
    All,
    /// The shared schema alone.
    Shared,
    /// Every tenant's, without the shared one.
    AllTenants,
    /// The schemas of all tenants of a kind.
    Kind(String),
    /// Some tenants alone, whatever their status.
    Tenants(Vec<SchemaName>),
}

/// Action on schemas.
///
/// The shared schema holds the catalog and what the tenants' tables refer to. So with [`Target::All`],
/// `Down` and `Reset` are for tenants only, `Fresh` and `Refresh` apply what is pending in the shared schema
/// before they turn to the tenants, and with [`Target::Shared`] the three that empty a schema are refused
/// while there are tenants. Without any tenant, they do to the shared schema what they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Applies pending migrations.
    Up {
        /// Number of migrations in each schema. Default: all.
        steps: Option<u32>,
    },
    /// Writes pending migrations into the ledger without running them, where something else did what they do.
    Fake {
        /// Number of migrations in each schema. Default: all.
        steps: Option<u32>,
    },
    /// Rolls back applied migrations, the last first.
    Down {
        /// Number of migrations in each schema.
        steps: u32,
    },
    /// Drops everything in the schema, then applies all migrations.
    Fresh,
    /// Rolls back all migrations, then applies all of them again.
    Refresh,
    /// Rolls back all migrations and drops the ledger.
    Reset,
}

impl Action {
    /// Applies all pending migrations.
    pub const UP: Self = Self::Up { steps: None };

    /// True if the schema is empty in between or at the end.
    pub(crate) fn empties(self) -> bool {
        matches!(self, Self::Fresh | Self::Refresh | Self::Reset)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up { .. } => "up",
            Self::Fake { .. } => "up --fake",
            Self::Down { .. } => "down",
            Self::Fresh => "fresh",
            Self::Refresh => "refresh",
            Self::Reset => "reset",
        })
    }
}

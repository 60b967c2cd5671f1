//! [`Plan`]: what a run will do, computed before anything is touched.

use std::{collections::HashSet, fmt, sync::Arc};

use tenant_core::{SchemaName, Scope};

use crate::{
    error::{PlanError, SchemaError},
    migrations::{MigrationSet, Migrations},
    status::SchemaStatus,
};

/// Which schemas to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The shared schema, then every tenant's. What destroys is kept from the shared schema: see [`Action`].
    ///
    /// Every tenant is one that is made ahead or in use, suspended or not; not one that is archived, still being
    /// made, or being dropped. Those are to be named.
    All,
    /// The shared schema alone.
    Shared,
    /// Every tenant's, without the shared one.
    AllTenants,
    /// Those of the tenants of a kind.
    Kind(String),
    /// Some tenants alone, whatever their status.
    Tenants(Vec<SchemaName>),
}

/// What to do with a schema.
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
        /// How many in each schema, all by default.
        steps: Option<u32>,
    },
    /// Writes pending migrations into the ledger without running them, where something else did what they do.
    Fake {
        /// How many in each schema, all by default.
        steps: Option<u32>,
    },
    /// Rolls back applied migrations, the last first.
    Down {
        /// How many in each schema.
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

    /// Whether nothing of the schema is left in between or at the end.
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

/// What was done: `applied m20260101_000001_create_note`.
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

/// What a run will do to every schema, in this order.
#[derive(Debug)]
#[must_use = "a plan does nothing until it is run"]
pub struct Plan {
    pub(crate) schemas: Vec<SchemaPlan>,
}

/// What a run will do to one schema.
#[derive(Debug)]
pub struct SchemaPlan {
    pub(crate) status: SchemaStatus,
    pub(crate) steps: Result<Vec<Step>, SchemaError>,
}

impl Plan {
    /// Pure: what is defined against what the ledgers say.
    pub(crate) fn new(
        migrations: &Migrations,
        target: &Target,
        action: Action,
        statuses: Vec<SchemaStatus>,
    ) -> Result<Self, PlanError> {
        for (scope, _, set) in migrations.sets() {
            if let Some(name) = set.duplicate() {
                let name = Arc::clone(name);
                return Err(PlanError::DuplicateMigration { name, scope });
            }
        }
        let has_tenants = statuses.iter().any(|status| status.scope() == Scope::Tenant);
        let schemas = statuses.into_iter().filter_map(|status| {
            let action = match status.scope() {
                Scope::Shared if *target == Target::All => for_shared(action, has_tenants)?,
                _ => action,
            };
            let steps = steps(migrations.set(status.kind()), action, &status);
            Some(SchemaPlan { status, steps })
        });
        Ok(Self {
            schemas: schemas.collect(),
        })
    }

    /// The schemas, in the order of the run.
    #[must_use]
    pub fn schemas(&self) -> &[SchemaPlan] {
        &self.schemas
    }
}

impl SchemaPlan {
    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaName {
        self.status.schema()
    }

    /// Whether it is a tenant's or the shared one.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.status.scope()
    }

    /// The kind of the tenant. The shared schema has none.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.status.kind()
    }

    /// What will be done, in this order.
    ///
    /// # Errors
    /// [`SchemaError`] says why nothing can be done.
    pub fn steps(&self) -> Result<&[Step], &SchemaError> {
        self.steps.as_deref()
    }
}

/// What an action on everything means for the shared schema.
fn for_shared(action: Action, has_tenants: bool) -> Option<Action> {
    match action {
        Action::Up { .. } | Action::Fake { .. } => Some(action),
        Action::Down { .. } => None,
        _ if !has_tenants => Some(action),
        Action::Fresh | Action::Refresh => Some(Action::UP),
        Action::Reset => None,
    }
}

fn steps(set: &MigrationSet, action: Action, status: &SchemaStatus) -> Result<Vec<Step>, SchemaError> {
    if action == Action::Fresh {
        return Ok(std::iter::once(Step::Recreate).chain(all_up(set)).collect());
    }
    if !status.exists() {
        return Err(SchemaError::NoSchema);
    }
    if !status.unknown().is_empty() {
        return Err(SchemaError::UnknownMigrations {
            names: status.unknown().to_vec(),
        });
    }
    let rolled_back = status.applied().iter().rev().cloned().map(Step::Down);
    let pending = status.pending().iter().cloned();
    let steps: Vec<_> = match action {
        Action::Up { steps } => pending.map(Step::Up).take(count(steps)).collect(),
        Action::Fake { steps } => pending.map(Step::Fake).take(count(steps)).collect(),
        Action::Down { steps } => rolled_back.take(count(Some(steps))).collect(),
        Action::Refresh => rolled_back.chain(all_up(set)).collect(),
        Action::Reset if !status.has_ledger() => Vec::new(),
        Action::Reset | Action::Fresh => rolled_back.chain([Step::DropLedger]).collect(),
    };
    match status.unfinished() {
        Some(step) if !steps.contains(step) => Err(SchemaError::Unfinished { step: step.clone() }),
        _ => Ok(steps),
    }
}

fn all_up(set: &MigrationSet) -> impl Iterator<Item = Step> {
    set.names().cloned().map(Step::Up)
}

fn count(steps: Option<u32>) -> usize {
    steps.map_or(usize::MAX, |steps| usize::try_from(steps).unwrap_or(usize::MAX))
}

/// What is left of `steps` in a schema whose ledger says `applied`: another run may have done some of it
/// since the plan was made.
pub(crate) fn left(steps: &[Step], mut applied: HashSet<String>) -> Left {
    let is_left = |step: &&Step| match step {
        Step::Recreate => {
            applied.clear();
            true
        }
        Step::Down(name) => applied.remove(&**name),
        Step::Up(name) | Step::Fake(name) => applied.insert(name.to_string()),
        Step::DropLedger => true,
    };
    let steps = steps.iter().filter(is_left).cloned().collect();
    Left { steps, applied }
}

/// What is left to do in a schema, and what is applied there when it is done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) steps: Vec<Step>,
    pub(crate) applied: HashSet<String>,
}

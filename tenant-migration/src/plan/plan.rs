//! [`Plan`]: the steps of a run, computed before anything is touched.

use std::sync::Arc;

use tenant_core::SchemaName;

use crate::{
    define::{MigrationSet, Migrations, Step},
    plan::{
        error::{PlanError, SchemaError},
        status::SchemaStatus,
        target::{Action, Target},
    },
};

/// The steps of a run, schema by schema, in the order of the run.
#[derive(Debug)]
#[must_use = "a plan does nothing until it is run"]
pub struct Plan {
    pub(crate) schemas: Vec<SchemaPlan>,
}

/// The steps of a run in one schema.
#[derive(Debug)]
pub struct SchemaPlan {
    pub(crate) status: SchemaStatus,
    pub(crate) steps: Result<Vec<Step>, SchemaError>,
}

impl Plan {
    /// Compares the definitions with the ledgers. Pure: it touches no database.
    pub(crate) fn new(
        migrations: &Migrations,
        target: &Target,
        action: Action,
        statuses: Vec<SchemaStatus>,
    ) -> Result<Self, PlanError> {
        if let Some(name) = migrations.sets().find_map(|(.., set)| set.duplicate()) {
            let name = Arc::clone(name);
            return Err(PlanError::DuplicateMigration { name });
        }
        let has_tenants = statuses.iter().any(|status| !status.schema.is_shared());
        let schemas = statuses.into_iter().filter_map(|status| {
            let action = match *target {
                Target::All if status.schema.is_shared() => for_shared(action, has_tenants)?,
                _ => action,
            };
            let steps = steps(migrations.set(status.kind.as_deref()), action, &status);
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
        &self.status.schema
    }

    /// The kind of the tenant. The shared schema has none.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.status.kind.as_deref()
    }

    /// Returns the steps, in the order of the run.
    ///
    /// # Errors
    /// [`SchemaError`] says why nothing can be done.
    pub fn steps(&self) -> Result<&[Step], &SchemaError> {
        self.steps.as_deref()
    }
}

/// Returns the action in the shared schema of an action on all schemas, if there is any.
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
    if !status.exists {
        return Err(SchemaError::NoSchema);
    }
    if !status.unknown.is_empty() {
        return Err(SchemaError::UnknownMigrations {
            names: status.unknown.clone(),
        });
    }
    let rolled_back = status.applied.iter().rev().cloned().map(Step::Down);
    let pending = status.pending.iter().cloned();
    let steps: Vec<_> = match action {
        Action::Up { steps } => pending.map(Step::Up).take(count(steps)).collect(),
        Action::Fake { steps } => pending.map(Step::Fake).take(count(steps)).collect(),
        Action::Down { steps } => rolled_back.take(count(Some(steps))).collect(),
        Action::Refresh => rolled_back.chain(all_up(set)).collect(),
        Action::Reset if !status.has_ledger => Vec::new(),
        Action::Reset | Action::Fresh => rolled_back.chain([Step::DropLedger]).collect(),
    };
    match &status.unfinished {
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

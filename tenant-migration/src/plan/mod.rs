//! Plans of runs, computed before anything is touched, and reports of what they did.

mod error;
mod failure;
mod options;
#[expect(clippy::module_inception, reason = "a plan is what this floor is for")]
mod plan;
#[cfg(test)]
mod plan_tests;
mod remaining;
mod report;
mod selection;
pub(crate) mod status;
mod target;

pub use self::{
    error::{PlanError, SchemaError},
    failure::{MigrationFailure, migration_failures},
    options::{Canary, DEFAULT_ATTEMPTS, DEFAULT_JOBS, DEFAULT_LOCK_TIMEOUT, RunOptions},
    plan::{Plan, SchemaPlan},
    report::{Failed, NotReached, Observer, Outcome, Report, SchemaReport},
    selection::TenantSelection,
    status::SchemaStatus,
    target::{Action, Target},
};
pub(crate) use self::{remaining::Remaining, selection::select};

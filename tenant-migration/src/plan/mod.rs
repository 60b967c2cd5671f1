//! Plans of runs, computed before anything is touched, and reports of what they did.

pub(crate) mod error;
pub(crate) mod options;
#[expect(clippy::module_inception, reason = "a plan is what this floor is for")]
pub(crate) mod plan;
#[cfg(test)]
mod plan_tests;
pub(crate) mod remaining;
pub(crate) mod report;
pub(crate) mod selection;
pub(crate) mod status;
pub(crate) mod target;
pub(crate) mod tenants;

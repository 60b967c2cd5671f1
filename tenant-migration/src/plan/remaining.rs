//! [`Remaining`]: the part of a plan that is still to be done, by the ledger as it is now.

use std::collections::HashSet;

use crate::define::Step;

/// The steps that remain in a schema, and the migrations that are applied there when they are done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Remaining {
    pub(crate) steps: Vec<Step>,
    pub(crate) applied: HashSet<String>,
}

impl Remaining {
    /// Leaves out what another run has done since the plan was made: the ledger has `applied` now.
    pub(crate) fn of(steps: &[Step], mut applied: HashSet<String>) -> Self {
        let is_remaining = |step: &&Step| match step {
            Step::Recreate => {
                applied.clear();
                true
            }
            Step::Down(name) => applied.remove(&**name),
            Step::Up(name) | Step::Fake(name) => applied.insert(name.to_string()),
            Step::DropLedger => true,
        };
        let steps = steps.iter().filter(is_remaining).cloned().collect();
        Self { steps, applied }
    }
}

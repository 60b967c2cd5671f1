//! [`Remaining`]: the part of a plan that is still to be done, by the ledger as it is now.

use std::collections::HashSet;

use crate::define::step::Step;

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

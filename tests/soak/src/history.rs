//! [`History`]: the operations of all tasks with their ends, in a few bytes each.

use std::sync::{Mutex, PoisonError};

use crate::{
    context::{NUMBERS_PER_OPERATION, first_op, task_of},
    operations::Operation,
};

/// End of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Done,
    Excused,
    Violation,
    /// Dropped after this many polls.
    Cancelled(u8),
}

/// The operations of all tasks, in their order.
#[derive(Debug)]
pub(crate) struct History(Vec<Mutex<Vec<(Operation, Ending)>>>);

impl History {
    pub(crate) fn of_tasks(tasks: u32) -> Self {
        Self((0..tasks).map(|_| Mutex::default()).collect())
    }

    /// Adds the next operation of a task.
    pub(crate) fn add(&self, task: u32, operation: Operation, ending: Ending) {
        if let Some(operations) = self.0.get(task as usize) {
            let mut operations = operations.lock().unwrap_or_else(PoisonError::into_inner);
            operations.push((operation, ending));
        }
    }

    /// Describes an operation, given the operation number of one of its rows.
    pub(crate) fn describe(&self, op: i64) -> Option<String> {
        let task = u32::try_from(task_of(op)).ok()?;
        let index = (op - first_op(task)) / NUMBERS_PER_OPERATION - 1;
        let operations = self
            .0
            .get(task as usize)?
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (operation, ending) = operations.get(usize::try_from(index).ok()?)?;
        Some(format!("{} ({ending:?})", operation.name()))
    }
}

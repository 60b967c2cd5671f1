//! [`Stats`]: counts of operations and events, and the violations.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
};

use crate::{history::History, operations::Operation};

/// Maximal number of violations that are kept in detail.
const MAX_DETAILED: usize = 20;

/// A broken promise of the library.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    pub(crate) tenant: String,
    /// Name of the operation or of the check that found it.
    pub(crate) found_by: &'static str,
    pub(crate) operation: Option<i64>,
    pub(crate) what: String,
    /// Number of operations that had ended by then.
    pub(crate) after: u64,
}

/// The counts of one kind of operation.
#[derive(Debug, Default)]
pub(crate) struct Count {
    pub(crate) done: AtomicU64,
    /// Number of failures that the proxy or a deletion explains.
    pub(crate) excused: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    /// Number of operations that were dropped before their first poll.
    pub(crate) cancelled_unpolled: AtomicU64,
    /// Moving average of the polls an operation takes, times 16.
    polls: AtomicU32,
}

impl Count {
    /// Records the polls of an operation that ended.
    pub(crate) fn record_polls(&self, polls: u32) {
        let average = self.polls.load(Ordering::Relaxed);
        let next = if average == 0 {
            polls * 16
        } else {
            average - average / 16 + polls
        };
        self.polls.store(next, Ordering::Relaxed);
    }

    /// Returns the average number of polls an operation takes, at least 1.
    pub(crate) fn average_polls(&self) -> u32 {
        (self.polls.load(Ordering::Relaxed) / 16).max(1)
    }
}

/// Counts and violations of all tasks.
#[derive(Debug)]
pub(crate) struct Stats {
    counts: Vec<Count>,
    pub(crate) history: History,
    /// Number of operations that are not begun yet.
    remaining: AtomicU64,
    operations: AtomicU64,
    excuses: Mutex<BTreeMap<String, u64>>,
    events: Mutex<BTreeMap<&'static str, u64>>,
    violations: Mutex<Vec<Violation>>,
    violation_count: AtomicU64,
    is_over: AtomicBool,
    stops_at_first: bool,
}

impl Stats {
    pub(crate) fn new(tasks: u32, operations: u64, stops_at_first: bool) -> Self {
        Self {
            counts: Operation::all().map(|_| Count::default()).collect(),
            history: History::of_tasks(tasks),
            remaining: AtomicU64::new(operations),
            operations: AtomicU64::new(0),
            excuses: Mutex::default(),
            events: Mutex::default(),
            violations: Mutex::default(),
            violation_count: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            stops_at_first,
        }
    }

    pub(crate) fn count(&self, operation: Operation) -> &Count {
        &self.counts[operation.index()]
    }

    /// True if the caller may begin one more operation. Stops all tasks if none remains.
    pub(crate) fn begin_operation(&self) -> bool {
        let one_less = |remaining: u64| remaining.checked_sub(1);
        let has_one = self
            .remaining
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok();
        if !has_one {
            self.stop();
        }
        has_one && !self.is_over()
    }

    /// Counts an operation that ended.
    pub(crate) fn end_operation(&self) {
        self.operations.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    /// Counts an error that the proxy or a deletion explains.
    pub(crate) fn excuse(&self, operation: Operation, kind: String) {
        self.count(operation).excused.fetch_add(1, Ordering::Relaxed);
        *lock(&self.excuses).entry(kind).or_default() += 1;
    }

    pub(crate) fn excuses(&self) -> BTreeMap<String, u64> {
        lock(&self.excuses).clone()
    }

    /// Counts an event of a tenant.
    pub(crate) fn event(&self, name: &'static str) {
        *lock(&self.events).entry(name).or_default() += 1;
    }

    pub(crate) fn events(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.events).clone()
    }

    pub(crate) fn violation(
        &self,
        tenant: &str,
        found_by: &'static str,
        operation: Option<i64>,
        what: impl Into<String>,
    ) {
        self.violation_count.fetch_add(1, Ordering::Relaxed);
        let mut violations = lock(&self.violations);
        if violations.len() < MAX_DETAILED {
            violations.push(Violation {
                tenant: tenant.to_owned(),
                found_by,
                operation,
                what: what.into(),
                after: self.operations(),
            });
        }
        if self.stops_at_first {
            self.stop();
        }
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        lock(&self.violations).clone()
    }

    pub(crate) fn violation_count(&self) -> u64 {
        self.violation_count.load(Ordering::Relaxed)
    }

    /// Stops all tasks: no task begins another operation.
    pub(crate) fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

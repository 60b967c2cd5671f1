//! [`Tally`]: what was done, what was given up, and what was wrong.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
};

use crate::{history::History, task::TASKS, verbs::Verb};

/// How many violations are kept in detail.
const KEPT: usize = 20;

/// Something that must not be.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    pub(crate) tenant: String,
    /// The verb of the operation, or the check that found it.
    pub(crate) found_by: &'static str,
    pub(crate) operation: Option<i64>,
    pub(crate) what: String,
    /// How many operations were done by then.
    pub(crate) after: u64,
}

/// The counts of one verb.
#[derive(Debug, Default)]
pub(crate) struct Count {
    pub(crate) done: AtomicU64,
    /// Failed in a way that a fault or a deletion explains.
    pub(crate) excused: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    /// Those that were given up before they were begun.
    pub(crate) cancelled_unpolled: AtomicU64,
    /// How many polls it takes, times 16, on average of the last ones.
    polls: AtomicU32,
}

impl Count {
    pub(crate) fn took(&self, polls: u32) {
        let average = self.polls.load(Ordering::Relaxed);
        let next = if average == 0 {
            polls * 16
        } else {
            average - average / 16 + polls
        };
        self.polls.store(next, Ordering::Relaxed);
    }

    /// How many polls it takes, at least one.
    pub(crate) fn usual_polls(&self) -> u32 {
        (self.polls.load(Ordering::Relaxed) / 16).max(1)
    }
}

/// What all tasks add to.
#[derive(Debug)]
pub(crate) struct Tally {
    verbs: Vec<Count>,
    pub(crate) history: History,
    /// How many operations are still to be begun.
    left: AtomicU64,
    operations: AtomicU64,
    excuses: Mutex<BTreeMap<String, u64>>,
    events: Mutex<BTreeMap<&'static str, u64>>,
    violations: Mutex<Vec<Violation>>,
    violation_count: AtomicU64,
    is_over: AtomicBool,
    stops_at_first: bool,
}

impl Tally {
    pub(crate) fn new(operations: u64, stops_at_first: bool) -> Self {
        Self {
            verbs: Verb::all().map(|_| Count::default()).collect(),
            history: History::of_tasks(TASKS),
            left: AtomicU64::new(operations),
            operations: AtomicU64::new(0),
            excuses: Mutex::default(),
            events: Mutex::default(),
            violations: Mutex::default(),
            violation_count: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            stops_at_first,
        }
    }

    pub(crate) fn verb(&self, verb: Verb) -> &Count {
        &self.verbs[verb.index()]
    }

    /// Whether there is one more operation to do, for the one who asks. With the last one, it is over.
    pub(crate) fn begin_operation(&self) -> bool {
        let one_less = |left: u64| left.checked_sub(1);
        let has_one = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok();
        if !has_one {
            self.stop();
        }
        has_one && !self.is_over()
    }

    /// One more operation is over.
    pub(crate) fn operation(&self) {
        self.operations.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    /// An error that a fault or a deletion explains.
    pub(crate) fn excuse(&self, verb: Verb, kind: String) {
        self.verb(verb).excused.fetch_add(1, Ordering::Relaxed);
        *lock(&self.excuses).entry(kind).or_default() += 1;
    }

    pub(crate) fn excuses(&self) -> BTreeMap<String, u64> {
        lock(&self.excuses).clone()
    }

    /// Something happened to a tenant.
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
        if violations.len() < KEPT {
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

    /// No task begins another operation.
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

//! [`Task`]: does one operation after the other, for one tenant after the other.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::FutureExt;

use crate::{
    cancel::Limited,
    fleet::{Fleet, Lane, Resident},
    history::Ending,
    job::{Job, Journal, NUMBERS_PER_OPERATION, excuses, first_op},
    random::Random,
    sheet::{Certainty, Change, Sheet},
    tally::Tally,
    verbs::Verb,
    wrong::{Done, Kind, Wrong, violation},
};

/// How many tasks there are.
pub(crate) const TASKS: u32 = 64;
/// How many of them work through the proxy.
const FAULTY_TASKS: u32 = 12;
/// How many work as the tenants' roles.
const ROLES_TASKS: u32 = 8;
const LAST_ROLES_TASK: u32 = FAULTY_TASKS + ROLES_TASKS;
/// An operation that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a task knows of the tenants that had the seats: the number of the tenant, and its rows.
pub(crate) type Sheets = HashMap<usize, (u64, Arc<Sheet>)>;

pub(crate) struct Task {
    fleet: Arc<Fleet>,
    tally: Arc<Tally>,
    number: u32,
    cancel_percent: u8,
    random: Random,
    next_op: i64,
    sheets: Sheets,
}

impl Task {
    pub(crate) fn new(
        fleet: Arc<Fleet>,
        tally: Arc<Tally>,
        number: u32,
        seed: u64,
        cancel_percent: u8,
    ) -> Self {
        Self {
            fleet,
            tally,
            number,
            cancel_percent,
            random: Random::of_task(seed, number),
            next_op: first_op(number) + NUMBERS_PER_OPERATION,
            sheets: HashMap::new(),
        }
    }

    fn lane(&self) -> Lane {
        match self.number {
            0..FAULTY_TASKS => Lane::Faulty,
            FAULTY_TASKS..LAST_ROLES_TASK => Lane::Roles,
            _ => Lane::Direct,
        }
    }

    /// Does operations for as long as there are any left for all tasks, and returns what it knows.
    pub(crate) async fn run(mut self) -> Sheets {
        while !self.tally.is_over() {
            // As with a user, several operations in a row are for one tenant.
            let seat = usize::try_from(self.random.below(self.fleet.seats() as u64)).unwrap_or(0);
            for _ in 0..=self.random.below(6) {
                if !self.tally.begin_operation() {
                    break;
                }
                self.operate(seat).await;
            }
        }
        self.sheets
    }

    async fn operate(&mut self, seat: usize) {
        let verb = Verb::choose(&mut self.random);
        let resident = self.fleet.resident(seat);
        let (job, sheet) = self.job(seat, &resident);
        let (op, journal) = (job.op, job.journal.clone());
        let limit = self.limit(verb);
        let mut future = Limited::new(AssertUnwindSafe(verb.run(job)).catch_unwind(), limit);
        let outcome = tokio::time::timeout(PATIENCE, &mut future).await;
        let polls = future.polls();
        drop(future);
        self.tally.operation();
        let changes = journal.take();
        let certainty = match outcome {
            Err(_) => {
                self.tally.history.add(self.number, verb, Ending::Violation);
                self.tally
                    .violation(resident.watermark(), verb.name(), Some(op), "it hangs");
                Some(Certainty::Unknown)
            }
            Ok(None) => {
                self.note_cancelled(verb, polls);
                self.tally.history.add(
                    self.number,
                    verb,
                    Ending::Cancelled(u8::try_from(polls).unwrap_or(u8::MAX)),
                );
                Some(Certainty::Unknown)
            }
            Ok(Some(done)) => {
                self.tally.verb(verb).took(polls);
                let done = done.unwrap_or_else(|_| violation("it panicked"));
                self.judge(verb, op, &resident, done)
            }
        };
        if let Some(certainty) = certainty {
            self.settle(seat, &resident, sheet, &changes, certainty);
        }
    }

    fn job(&mut self, seat: usize, resident: &Arc<Resident>) -> (Job, Arc<Sheet>) {
        let known = self.sheets.entry(seat).or_default();
        if known.0 != resident.number {
            *known = (resident.number, Arc::default());
        }
        let last_id = Arc::make_mut(&mut known.1).reserve_ids();
        let sheet = Arc::clone(&known.1);
        let op = self.next_op;
        self.next_op += NUMBERS_PER_OPERATION;
        let lane = self.lane();
        let job = Job {
            db: self.fleet.connection(lane, resident),
            fleet: Arc::clone(&self.fleet),
            lane,
            resident: Arc::clone(resident),
            sheet: Arc::clone(&sheet),
            journal: Journal::default(),
            random: self.random.fork(),
            owner: i32::try_from(self.number).unwrap_or(0),
            op,
            last_id,
        };
        (job, sheet)
    }

    /// After how many polls it is given up, if it is.
    fn limit(&mut self, verb: Verb) -> Option<u32> {
        let is_cancelled = self.random.percent(self.cancel_percent);
        let draw = self.random.next();
        let usual = u64::from(self.tally.verb(verb).usual_polls());
        is_cancelled.then(|| u32::try_from(draw % usual).unwrap_or(0))
    }

    fn note_cancelled(&self, verb: Verb, polls: u32) {
        let count = self.tally.verb(verb);
        count.cancelled.fetch_add(1, Ordering::Relaxed);
        if polls == 0 {
            count.cancelled_unpolled.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What the outcome says about the changes that were sent; nothing, where they were not made.
    fn judge(&self, verb: Verb, op: i64, resident: &Resident, done: Done) -> Option<Certainty> {
        let count = self.tally.verb(verb);
        let history = &self.tally.history;
        match done {
            Ok(()) => {
                count.done.fetch_add(1, Ordering::Relaxed);
                history.add(self.number, verb, Ending::Done);
                Some(Certainty::Made)
            }
            Err(Wrong::Error(error)) if excuses(self.lane(), resident, &Kind::of(&error)) => {
                let kind = Kind::of(&error);
                history.add(self.number, verb, Ending::Excused);
                self.tally.excuse(verb, format!("{kind:?}"));
                kind.leaves_open().then_some(Certainty::Unknown)
            }
            Err(wrong) => {
                history.add(self.number, verb, Ending::Violation);
                self.tally
                    .violation(resident.watermark(), verb.name(), Some(op), wrong.to_string());
                Some(Certainty::Unknown)
            }
        }
    }

    fn settle(
        &mut self,
        seat: usize,
        resident: &Resident,
        snapshot: Arc<Sheet>,
        changes: &[Change],
        certainty: Certainty,
    ) {
        // Only then it is not copied.
        drop(snapshot);
        if changes.is_empty() {
            return;
        }
        if let Some((number, sheet)) = self.sheets.get_mut(&seat)
            && *number == resident.number
        {
            Arc::make_mut(sheet).settle(changes, certainty);
        }
    }
}

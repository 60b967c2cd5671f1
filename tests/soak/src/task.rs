//! [`Task`]: runs one operation after the other, for one tenant after the other.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::FutureExt;

use crate::{
    cancel::Limited,
    context::{Journal, NUMBERS_PER_OPERATION, OperationContext, excuses, first_op},
    history::Ending,
    model::{Certainty, Change, RowModel},
    operations::Operation,
    outcome::{Failure, Kind, Outcome, violation},
    random::Random,
    stats::Stats,
    tenants::{PoolKind, TenantSet, TestTenant},
};

/// Number of tasks.
pub(crate) const TASKS: u32 = 64;
/// Number of tasks whose connections go through the proxy.
const FAULTY_TASKS: u32 = 12;
/// Number of tasks whose statements run as the tenants' roles.
const ROLES_TASKS: u32 = 8;
const LAST_ROLES_TASK: u32 = FAULTY_TASKS + ROLES_TASKS;
/// Time limit of an operation. One that takes longer hangs.
const TIMEOUT: Duration = Duration::from_secs(90);

/// The expected rows of a task, by slot: the number of the tenant, and its rows.
pub(crate) type RowModels = HashMap<usize, (u64, Arc<RowModel>)>;

pub(crate) struct Task {
    tenant_set: Arc<TenantSet>,
    stats: Arc<Stats>,
    number: u32,
    cancel_percent: u8,
    random: Random,
    next_op: i64,
    row_models: RowModels,
}

impl Task {
    pub(crate) fn new(
        tenant_set: Arc<TenantSet>,
        stats: Arc<Stats>,
        number: u32,
        seed: u64,
        cancel_percent: u8,
    ) -> Self {
        Self {
            tenant_set,
            stats,
            number,
            cancel_percent,
            random: Random::of_task(seed, number),
            next_op: first_op(number) + NUMBERS_PER_OPERATION,
            row_models: HashMap::new(),
        }
    }

    fn pool(&self) -> PoolKind {
        match self.number {
            0..FAULTY_TASKS => PoolKind::Faulty,
            FAULTY_TASKS..LAST_ROLES_TASK => PoolKind::Roles,
            _ => PoolKind::Direct,
        }
    }

    /// Runs operations while any remain, and returns the expected rows.
    pub(crate) async fn run(mut self) -> RowModels {
        while !self.stats.is_over() {
            // Several operations in a row are for one tenant, as a user's would be.
            let slot = usize::try_from(self.random.below(self.tenant_set.slots() as u64)).unwrap_or(0);
            for _ in 0..=self.random.below(6) {
                if !self.stats.begin_operation() {
                    break;
                }
                self.operate(slot).await;
            }
        }
        self.row_models
    }

    async fn operate(&mut self, slot: usize) {
        let operation = Operation::choose(&mut self.random);
        let tenant = self.tenant_set.tenant(slot);
        let (context, row_model) = self.context(slot, &tenant);
        let (op, journal) = (context.op, context.journal.clone());
        let limit = self.limit(operation);
        let mut future = Limited::new(AssertUnwindSafe(operation.run(context)).catch_unwind(), limit);
        let result = tokio::time::timeout(TIMEOUT, &mut future).await;
        let polls = future.polls();
        drop(future);
        self.stats.end_operation();
        let changes = journal.take();
        let certainty = match result {
            Err(_) => {
                self.stats.history.add(self.number, operation, Ending::Violation);
                self.stats
                    .violation(tenant.watermark(), operation.name(), Some(op), "it hangs");
                Some(Certainty::Unknown)
            }
            Ok(None) => {
                self.count_cancelled(operation, polls);
                self.stats.history.add(
                    self.number,
                    operation,
                    Ending::Cancelled(u8::try_from(polls).unwrap_or(u8::MAX)),
                );
                Some(Certainty::Unknown)
            }
            Ok(Some(outcome)) => {
                self.stats.count(operation).record_polls(polls);
                let outcome = outcome.unwrap_or_else(|_| violation("it panicked"));
                self.judge(operation, op, &tenant, outcome)
            }
        };
        if let Some(certainty) = certainty {
            self.settle(slot, &tenant, row_model, &changes, certainty);
        }
    }

    /// Returns the context of the next operation, and its expected rows.
    fn context(&mut self, slot: usize, tenant: &Arc<TestTenant>) -> (OperationContext, Arc<RowModel>) {
        let known = self.row_models.entry(slot).or_default();
        if known.0 != tenant.number {
            *known = (tenant.number, Arc::default());
        }
        let last_id = Arc::make_mut(&mut known.1).reserve_ids();
        let row_model = Arc::clone(&known.1);
        let op = self.next_op;
        self.next_op += NUMBERS_PER_OPERATION;
        let pool = self.pool();
        let context = OperationContext {
            db: self.tenant_set.connection(pool, tenant),
            tenant_set: Arc::clone(&self.tenant_set),
            pool,
            tenant: Arc::clone(tenant),
            row_model: Arc::clone(&row_model),
            journal: Journal::default(),
            random: self.random.fork(),
            owner: i32::try_from(self.number).unwrap_or(0),
            op,
            last_id,
        };
        (context, row_model)
    }

    /// Returns the number of polls after which the operation is dropped, if it is to be dropped.
    fn limit(&mut self, operation: Operation) -> Option<u32> {
        let is_cancelled = self.random.percent(self.cancel_percent);
        let draw = self.random.next();
        let average = u64::from(self.stats.count(operation).average_polls());
        is_cancelled.then(|| u32::try_from(draw % average).unwrap_or(0))
    }

    fn count_cancelled(&self, operation: Operation, polls: u32) {
        let count = self.stats.count(operation);
        count.cancelled.fetch_add(1, Ordering::Relaxed);
        if polls == 0 {
            count.cancelled_unpolled.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts an outcome, and returns the certainty about the changes that were sent. `None`: they were not made.
    fn judge(
        &self,
        operation: Operation,
        op: i64,
        tenant: &TestTenant,
        outcome: Outcome,
    ) -> Option<Certainty> {
        let count = self.stats.count(operation);
        let history = &self.stats.history;
        match outcome {
            Ok(()) => {
                count.done.fetch_add(1, Ordering::Relaxed);
                history.add(self.number, operation, Ending::Done);
                Some(Certainty::Made)
            }
            Err(Failure::Error(error)) if excuses(self.pool(), tenant, &Kind::of(&error)) => {
                let kind = Kind::of(&error);
                history.add(self.number, operation, Ending::Excused);
                self.stats.excuse(operation, format!("{kind:?}"));
                kind.leaves_outcome_unknown().then_some(Certainty::Unknown)
            }
            Err(failure) => {
                history.add(self.number, operation, Ending::Violation);
                self.stats.violation(
                    tenant.watermark(),
                    operation.name(),
                    Some(op),
                    failure.to_string(),
                );
                Some(Certainty::Unknown)
            }
        }
    }

    fn settle(
        &mut self,
        slot: usize,
        tenant: &TestTenant,
        snapshot: Arc<RowModel>,
        changes: &[Change],
        certainty: Certainty,
    ) {
        // `Arc::make_mut` copies the rows while somebody else holds them.
        drop(snapshot);
        if changes.is_empty() {
            return;
        }
        if let Some((number, row_model)) = self.row_models.get_mut(&slot)
            && *number == tenant.number
        {
            Arc::make_mut(row_model).settle(changes, certainty);
        }
    }
}

//! [`Scheduler`]: which worker works on which schema when.

use std::{collections::VecDeque, time::Duration};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tenant_core::__private::{ShutDown, detached};

use crate::{
    plan::{
        Canary, NotReached, Observer, Outcome, Report, RunOptions, SchemaError, SchemaPlan, SchemaReport,
    },
    run::{worker::Worker, worker_pool::release},
};

/// A run of a plan: its workers, and the reports until now.
pub(crate) struct Scheduler<'a> {
    first: &'a Worker,
    workers: Vec<Worker>,
    options: &'a RunOptions,
    observer: &'a mut dyn Observer,
    /// Reports, by the position of the schema in the plan.
    reports: Vec<Option<SchemaReport>>,
    failures: usize,
    /// The reason why no other schema is begun.
    stopped: Option<NotReached>,
}

/// A schema, and its position in the plan.
type QueuedSchema = (usize, SchemaPlan);

impl<'a> Scheduler<'a> {
    pub(crate) fn new(first: &'a Worker, options: &'a RunOptions, observer: &'a mut dyn Observer) -> Self {
        Self {
            first,
            workers: Vec::new(),
            options,
            observer,
            reports: Vec::new(),
            failures: 0,
            stopped: None,
        }
    }

    /// Runs the shared schema, then the canaries, then all others.
    pub(crate) async fn run(mut self, schemas: Vec<SchemaPlan>) -> Report {
        self.reports.resize_with(schemas.len(), || None);
        let [shared, canaries, others] = waves(schemas, &self.options.canary);
        self.run_wave(shared, NotReached::SharedFailed).await;
        self.run_wave(canaries, NotReached::CanaryFailed).await;
        self.run_wave(others, NotReached::TooManyFailures).await;
        release(self.workers).await;
        let schemas = self.reports.into_iter().flatten().collect();
        Report { schemas }
    }

    /// Runs a wave of schemas. If one fails, no later wave is begun, for that `reason`.
    async fn run_wave(&mut self, wave: Vec<QueuedSchema>, reason: NotReached) {
        let failures = self.failures;
        let mut queue = VecDeque::new();
        for queued in wave {
            if has_work(&queued.1) {
                queue.push_back(queued);
            } else {
                self.skip(queued, Outcome::UpToDate);
            }
        }
        if self.stopped.is_none() {
            self.acquire(queue.len()).await;
            self.dispatch(&mut queue).await;
        }
        if self.failures > failures {
            self.stopped.get_or_insert(reason);
        }
        while let Some(queued) = queue.pop_front() {
            self.skip(queued, Outcome::NotReached(self.stopped.unwrap_or(reason)));
        }
    }

    /// Acquires workers: one for each schema, up to the `jobs` of the options.
    async fn acquire(&mut self, schemas: usize) {
        let wanted = self.options.jobs.min(schemas);
        if wanted > self.workers.len() {
            self.workers = self
                .first
                .acquire(std::mem::take(&mut self.workers), wanted)
                .await;
        }
    }

    /// Gives each idle worker the next schema until there is none, or enough have failed.
    async fn dispatch(&mut self, queue: &mut VecDeque<QueuedSchema>) {
        let mut idle: Vec<_> = self.workers.iter().take(self.options.jobs).cloned().collect();
        let mut busy = FuturesUnordered::new();
        loop {
            while self.stopped.is_none() && !queue.is_empty() {
                let Some(worker) = idle.pop() else { break };
                let Some((position, schema)) = queue.pop_front() else {
                    break;
                };
                self.observer.started(&schema);
                busy.push(migrate(worker, position, schema, self.options.clone()));
            }
            let Some((worker, position, report)) = busy.next().await else {
                return;
            };
            idle.push(worker);
            self.finish(position, report);
            if self
                .options
                .max_failures
                .is_some_and(|most| self.failures >= most)
            {
                self.stopped.get_or_insert(NotReached::TooManyFailures);
            }
        }
    }

    /// Reports a schema that no worker worked on.
    fn skip(&mut self, (position, schema): QueuedSchema, outcome: Outcome) {
        self.observer.started(&schema);
        let report = SchemaReport::new(schema.schema(), outcome, Duration::ZERO);
        self.finish(position, report);
    }

    fn finish(&mut self, position: usize, report: SchemaReport) {
        if matches!(report.outcome, Outcome::Failed { .. }) {
            self.failures += 1;
        }
        self.observer.finished(&report);
        if let Some(entry) = self.reports.get_mut(position) {
            *entry = Some(report);
        }
    }
}

/// Migrates a schema to the end, even if nobody waits for it any more.
async fn migrate(
    worker: Worker,
    position: usize,
    plan: SchemaPlan,
    options: RunOptions,
) -> (Worker, usize, SchemaReport) {
    let schema = plan.schema().clone();
    let done = detached({
        let worker = worker.clone();
        async move { worker.migrate(plan, &options).await }
    });
    let report = done.await.unwrap_or_else(|ShutDown| {
        SchemaReport::new(&schema, SchemaError::Interrupted.into(), Duration::ZERO)
    });
    (worker, position, report)
}

fn has_work(schema: &SchemaPlan) -> bool {
    !matches!(schema.steps(), Ok([]))
}

/// Returns the shared schema, the canaries and all other schemas of a plan.
fn waves(schemas: Vec<SchemaPlan>, canary: &Canary) -> [Vec<QueuedSchema>; 3] {
    let [mut shared, mut canaries, mut others] = [const { Vec::new() }; 3];
    for queued in schemas.into_iter().enumerate() {
        let wave = if queued.1.schema().is_shared() {
            &mut shared
        } else if is_canary(&queued.1, canary, canaries.len()) {
            &mut canaries
        } else {
            &mut others
        };
        wave.push(queued);
    }
    [shared, canaries, others]
}

fn is_canary(schema: &SchemaPlan, canary: &Canary, chosen: usize) -> bool {
    match canary {
        Canary::None => false,
        // A pending schema has no rows that a migration could fail on.
        Canary::First(count) => chosen < *count && has_work(schema) && schema.status.pooled.is_none(),
        Canary::Tenants(schemas) => schemas.contains(schema.schema()),
    }
}

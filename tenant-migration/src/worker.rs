//! [`Worker`]: works on one schema after the other, on a connection of its own.

use std::{fmt, sync::Arc, time::Instant};

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, IsolationLevel, TransactionTrait,
};
use tenant_core::SchemaName;

use crate::{
    error::SchemaError,
    lock::{self, Hold},
    migrations::{MigrationSet, Migrations, scope_of},
    plan::{SchemaPlan, Step},
    report::{Outcome, SchemaReport},
    work::Work,
};

#[derive(Clone)]
pub(crate) struct Worker {
    options: ConnectOptions,
    pub(crate) db: DatabaseConnection,
    pub(crate) migrations: Migrations,
}

/// Steps in one schema.
#[derive(Clone, Copy)]
struct Job<'a> {
    schema: &'a SchemaName,
    steps: &'a [Step],
    /// What must be applied for the steps to make sense.
    base: &'a [Arc<str>],
}

impl Worker {
    pub(crate) async fn connect(mut options: ConnectOptions, migrations: Migrations) -> Result<Self, DbErr> {
        options.max_connections(1).min_connections(0);
        let db = Database::connect(options.clone()).await?;
        Ok(Self {
            options,
            db,
            migrations,
        })
    }

    pub(crate) async fn migrate(&self, plan: SchemaPlan) -> SchemaReport {
        let begun = Instant::now();
        let schema = plan.status.schema();
        let outcome = match plan.steps {
            Ok(steps) => {
                // A migration comes after those before it, so a plan that only goes up holds as long as
                // what was applied still is.
                let goes_up = steps.iter().all(|step| matches!(step, Step::Up(_)));
                let base = if goes_up { plan.status.applied() } else { &[] };
                let steps = &steps;
                self.take_all(Job { schema, steps, base }).await
            }
            Err(error) => error.into(),
        };
        SchemaReport::new(schema, outcome, begun.elapsed())
    }

    /// In as few transactions as the migrations allow.
    async fn take_all(&self, job: Job<'_>) -> Outcome {
        let set = self.migrations.of(scope_of(job.schema));
        let together = |a: &Step, b: &Step| is_transactional(set, a) && is_transactional(set, b);
        let mut done = Vec::new();
        for steps in job.steps.chunk_by(together) {
            let job = Job { steps, ..job };
            let taken = match steps {
                [step] if !is_transactional(set, step) => self.take_alone(job).await,
                _ => self.take_together(job).await,
            };
            match taken {
                Ok(taken) => done.extend(taken),
                Err(error) => return Outcome::Failed { done, error },
            }
        }
        if done.is_empty() {
            Outcome::UpToDate
        } else {
            Outcome::Done(done)
        }
    }

    /// In one transaction, which holds the lock.
    async fn take_together(&self, job: Job<'_>) -> Result<Vec<Step>, SchemaError> {
        // Whatever the default is: what is read after the lock must be newer than the lock.
        let isolation = Some(IsolationLevel::ReadCommitted);
        let transaction = self.db.begin_with_config(isolation, None).await?;
        lock::acquire(&transaction, job.schema, Hold::Transaction).await?;
        let work = Work::new(&transaction, &self.migrations, job.schema);
        work.enter().await?;
        let steps = work.check(job.steps, job.base).await?;
        work.ensure_ledger(&steps).await?;
        for step in &steps {
            work.take(step).await?;
        }
        transaction.commit().await?;
        Ok(steps)
    }

    /// Outside of a transaction, in a session of its own. Its end gives the lock back, whatever happens.
    async fn take_alone(&self, job: Job<'_>) -> Result<Vec<Step>, SchemaError> {
        let mut options = self.options.clone();
        options
            // A session that is lost and opened again stands in the schema as well.
            .set_schema_search_path(self.migrations.search_path(job.schema))
            .idle_timeout(None)
            .max_lifetime(None);
        let session = Database::connect(options).await?;
        let result = self.take_in(&session, job).await;
        session.close().await?;
        result
    }

    async fn take_in(&self, session: &DatabaseConnection, job: Job<'_>) -> Result<Vec<Step>, SchemaError> {
        lock::acquire(session, job.schema, Hold::Session).await?;
        let work = Work::new(session, &self.migrations, job.schema);
        let steps = work.check(job.steps, job.base).await?;
        work.ensure_ledger(&steps).await?;
        for step in &steps {
            let ledger = work.change(step).await?;
            session.execute_unprepared(&ledger).await?;
        }
        if !lock::release(session, job.schema).await? {
            tracing::warn!(schema = %job.schema, "the session was lost while a migration ran in it");
        }
        Ok(steps)
    }
}

fn is_transactional(set: &MigrationSet, step: &Step) -> bool {
    match step {
        Step::Up(name) | Step::Down(name) => set.is_transactional(name),
        Step::Recreate | Step::DropLedger => true,
    }
}

/// The options have the URL, and the URL a password.
impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("migrations", &self.migrations)
            .finish_non_exhaustive()
    }
}

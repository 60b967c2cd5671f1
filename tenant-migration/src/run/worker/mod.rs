//! [`Worker`]: works on one schema after the other, on a connection of its own.

mod non_transactional;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use sea_orm::{ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait};
use tenant_core::{SchemaName, TenantStatus, catalog::tenant};

use crate::{
    database::session::driver_options,
    define::{
        hooks::Hook,
        migrations::{MigrationSet, Migrations},
        schema_ref::Home,
        step::Step,
    },
    plan::{
        error::SchemaError,
        options::RunOptions,
        plan::SchemaPlan,
        remaining::Left,
        report::{Outcome, SchemaReport},
        status::SchemaStatus,
    },
    run::retry,
    schema::{
        enter::{self, Place},
        self_references::find_name,
        session::Work,
        statement_recorder::{Tape, telling},
    },
};

#[derive(Clone)]
pub(crate) struct Worker {
    connect: ConnectOptions,
    pub(crate) db: DatabaseConnection,
    pub(crate) migrations: Migrations,
}

/// How long a connection is idle before it is asked whether it is still there.
const IDLE: Duration = Duration::from_secs(1);

/// Steps in one schema.
#[derive(Clone, Copy)]
struct Job<'a> {
    home: Home<'a>,
    steps: &'a [Step],
    /// Whether the schema is nobody's yet.
    is_made_ahead: bool,
    /// Whether they are the first of the schema, and the last.
    is_first: bool,
    is_last: bool,
    /// What must be applied for the steps to make sense.
    base: &'a [Arc<str>],
    options: &'a RunOptions,
}

impl Worker {
    pub(crate) async fn connect(mut connect: ConnectOptions, migrations: Migrations) -> Result<Self, DbErr> {
        connect
            .max_connections(1)
            .min_connections(0)
            // It goes from tenant to tenant without a pause, and a ping before each is one more round trip.
            .test_before_acquire_if_idle_for(IDLE);
        set_up(&mut connect).await?;
        let db = Database::connect(connect.clone()).await?;
        Ok(Self {
            connect,
            db,
            migrations,
        })
    }

    /// One like this, with a connection of its own.
    pub(crate) async fn another(&self) -> Result<Self, DbErr> {
        let db = Database::connect(self.connect.clone()).await?;
        Ok(Self { db, ..self.clone() })
    }

    /// One like this, whose statements can be recorded.
    pub(crate) async fn recording(&self) -> Result<Self, DbErr> {
        let mut connect = self.connect.clone();
        if let Some(options) = driver_options(&self.db) {
            connect.map_sqlx_postgres_opts(move |_| telling(options.clone()));
        }
        let db = Database::connect(connect.clone()).await?;
        Ok(Self {
            connect,
            db,
            ..self.clone()
        })
    }

    pub(crate) async fn migrate(&self, plan: SchemaPlan, options: &RunOptions) -> SchemaReport {
        let begun = Instant::now();
        let schema = plan.status.schema();
        let outcome = match plan.steps {
            Ok(steps) => self.take_all(job(&plan.status, &steps, options)).await,
            Err(error) => error.into(),
        };
        let outcome = self.explain(&plan.status, outcome).await;
        SchemaReport::new(schema, outcome, begun.elapsed())
    }

    /// Says where a schema is that was made ahead, and is not there any more.
    async fn explain(&self, status: &SchemaStatus, outcome: Outcome) -> Outcome {
        match (outcome, status.made_ahead()) {
            (
                Outcome::Failed {
                    done,
                    error: SchemaError::NoSchema,
                },
                Some(id),
            ) => Outcome::Failed {
                done,
                error: self.find_claimed(id).await.unwrap_or_else(SchemaError::Database),
            },
            (outcome, _) => outcome,
        }
    }

    async fn find_claimed(&self, id: i64) -> Result<SchemaError, DbErr> {
        let row = tenant::Entity::find_by_id(id).one(&self.db).await?;
        Ok(match row {
            None => SchemaError::NoTenant,
            Some(row) if row.status == TenantStatus::Pending.as_str() => SchemaError::NoSchema,
            Some(row) => SchemaError::Claimed {
                schema: SchemaName::new(row.schema_name).map_err(|error| DbErr::Custom(error.to_string()))?,
            },
        })
    }

    /// The statements that the migrations of a plan send, from a transaction that is rolled back. The worker is one
    /// [that records](Self::recording).
    pub(crate) async fn preview(
        &self,
        plan: &SchemaPlan,
        options: &RunOptions,
    ) -> Result<Vec<String>, SchemaError> {
        let steps = plan
            .steps
            .as_ref()
            .map_err(|error| SchemaError::Planned(error.to_string()))?;
        let job = job(&plan.status, steps, options);
        let set = job.home.set(&self.migrations);
        if let Some(step) = steps.iter().find(|step| !is_transactional(set, step)) {
            return Err(SchemaError::NotTransactional { step: step.clone() });
        }
        let (transaction, place) = self.enter(job).await?;
        let tape = Tape::default();
        let taken = tape
            .record(self.take_in_transaction(&transaction, place, job))
            .await;
        transaction.rollback().await?;
        taken.map(|_| tape.into_statements())
    }

    /// In as few transactions as the migrations allow.
    async fn take_all(&self, job: Job<'_>) -> Outcome {
        let set = job.home.set(&self.migrations);
        let together = |a: &Step, b: &Step| is_transactional(set, a) && is_transactional(set, b);
        let mut done = Vec::new();
        let mut chunks = job.steps.chunk_by(together).peekable();
        let mut is_first = true;
        while let Some(steps) = chunks.next() {
            let is_last = chunks.peek().is_none();
            let job = Job {
                steps,
                is_first,
                is_last,
                ..job
            };
            is_first = false;
            let taken = match steps {
                [step] if !is_transactional(set, step) => self.take_alone(job).await,
                _ => self.take_patiently(job).await,
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

    /// Runs the steps in one transaction, and in another one where the first failed for a transient reason: nothing of the
    /// first is kept.
    async fn take_patiently(&self, job: Job<'_>) -> Result<Vec<Step>, SchemaError> {
        retry::with_retry(job.home.schema, job.options.attempts, || self.take_together(job)).await
    }

    /// In one transaction, which holds the lock.
    async fn take_together(&self, job: Job<'_>) -> Result<Vec<Step>, SchemaError> {
        let (transaction, place) = self.enter(job).await?;
        let steps = self.take_in_transaction(&transaction, place, job).await?;
        transaction.commit().await?;
        Ok(steps)
    }

    async fn enter(&self, job: Job<'_>) -> Result<(DatabaseTransaction, Place), DbErr> {
        let ledger = job.home.ledger(&self.migrations);
        enter::enter(&self.db, &self.migrations, ledger, job.options).await
    }

    async fn take_in_transaction(
        &self,
        transaction: &DatabaseTransaction,
        place: Place,
        job: Job<'_>,
    ) -> Result<Vec<Step>, SchemaError> {
        let work = Work::new(transaction, &self.migrations, job.home);
        let left = work.check_at(place, job.steps, job.base).await?;
        if !place.has_ledger {
            work.ensure_ledger(&left.steps).await?;
        }
        self.take_left(&work, job, &left).await?;
        Ok(left.steps)
    }

    async fn take_left(
        &self,
        work: &Work<'_, DatabaseTransaction>,
        job: Job<'_>,
        left: &Left,
    ) -> Result<(), SchemaError> {
        if left.steps.is_empty() {
            return Ok(());
        }
        if job.is_first {
            work.call(Hook::Before, &left.steps).await?;
        }
        self.take_steps(work, left, job.is_last).await?;
        work.grant().await?;
        self.require_renameable(work.db(), job).await
    }

    /// Where it is nobody's yet, it is to get another name.
    async fn require_renameable(&self, db: &DatabaseTransaction, job: Job<'_>) -> Result<(), SchemaError> {
        if !job.is_made_ahead {
            return Ok(());
        }
        let found = find_name(db, &self.migrations, job.home.schema).await?;
        found.map_or(Ok(()), |object| Err(SchemaError::NamesItself { object }))
    }

    async fn take_steps(
        &self,
        work: &Work<'_, DatabaseTransaction>,
        left: &Left,
        is_last: bool,
    ) -> Result<(), SchemaError> {
        let Some((last, others)) = left.steps.split_last() else {
            return Ok(());
        };
        for step in others {
            work.take(step).await?;
        }
        if !is_last || self.migrations.hooks().is_none() {
            return work.take_last(last, left).await;
        }
        work.take(last).await?;
        work.call(Hook::After, &left.steps).await?;
        work.finish(left).await?;
        Ok(())
    }
}

/// All steps of a schema.
fn job<'a>(status: &'a SchemaStatus, steps: &'a [Step], options: &'a RunOptions) -> Job<'a> {
    // A migration comes after those before it, so a plan that only goes up holds as long as what was applied still is.
    let goes_up = steps
        .iter()
        .all(|step| matches!(step, Step::Up(_) | Step::Fake(_)));
    Job {
        home: Home {
            schema: status.schema(),
            kind: status.kind(),
        },
        steps,
        is_made_ahead: status.made_ahead().is_some(),
        is_first: true,
        is_last: true,
        base: if goes_up { status.applied() } else { &[] },
        options,
    }
}

/// Sets the driver's options.
///
/// A session goes from tenant to tenant. What `SELECT * FROM note` gives is of the types of the tenant for whom it was
/// prepared, so it is prepared each time.
///
/// SeaORM keeps one function for the driver's options. The application may have set it, and it cannot be read, so what
/// it does is taken from a pool that it was applied to. Nothing is connected to.
async fn set_up(connect: &mut ConnectOptions) -> Result<(), DbErr> {
    let mut lazy = connect.clone();
    lazy.connect_lazy(true)
        .after_connect(|_| Box::pin(async { Ok(()) }));
    let db = Database::connect(lazy).await?;
    if let Some(mut options) = driver_options(&db) {
        options = options.statement_cache_capacity(0);
        connect.map_sqlx_postgres_opts(move |_| options.clone());
    }
    db.close().await
}

fn is_transactional(set: &MigrationSet, step: &Step) -> bool {
    match step {
        Step::Up(name) | Step::Down(name) => set.is_transactional(name),
        Step::Fake(_) | Step::Recreate | Step::DropLedger => true,
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

//! [`Worker`]: works on one schema after the other, on a connection of its own.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    batch::{Batch, BatchError},
    began, entry,
    error::SchemaError,
    hooks::Hook,
    lifecycle::find_name,
    lock::{self, Hold},
    migrations::{MigrationSet, Migrations},
    plan::{Left, SchemaPlan, Step, left},
    preview::{Tape, telling},
    report::{Outcome, SchemaReport},
    retry,
    run_options::RunOptions,
    status::SchemaStatus,
    work::{Home, Work},
};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseConnectionType,
    DatabaseTransaction, DbErr, EntityTrait, IsolationLevel, TransactionTrait,
    sqlx::postgres::{PgConnectOptions, PgPool},
};
use tenant_core::{SchemaName, TenantStatus, catalog::tenant};

#[derive(Clone)]
pub(crate) struct Worker {
    /// Its place among those who work together.
    id: usize,
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
    /// All that was applied when the run was planned, where the schema had a ledger.
    planned: Option<&'a [Arc<str>]>,
    /// Whether the catalog had the version of that.
    has_version: bool,
    options: &'a RunOptions,
}

impl Worker {
    pub(crate) async fn connect(mut connect: ConnectOptions, migrations: Migrations) -> Result<Self, DbErr> {
        connect
            .max_connections(1)
            .min_connections(0)
            // It goes from tenant to tenant without a pause, and a ping before each is one more round trip.
            .test_before_acquire_if_idle_for(IDLE);
        forget_statements(&mut connect).await?;
        let db = Database::connect(connect.clone()).await?;
        Ok(Self {
            id: 0,
            connect,
            db,
            migrations,
        })
    }

    /// One like this, with a connection of its own, which is opened when it is needed.
    pub(crate) async fn another(&self, id: usize) -> Result<Self, DbErr> {
        let mut connect = self.connect.clone();
        connect.connect_lazy(true);
        let db = Database::connect(connect).await?;
        Ok(Self {
            id,
            db,
            ..self.clone()
        })
    }

    pub(crate) fn id(&self) -> usize {
        self.id
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
        let transaction = self.begin().await?;
        let tape = Tape::default();
        let taken = tape.record(self.take_in_transaction(&transaction, job)).await;
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
                planned: job.planned.filter(|_| is_first),
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

    /// In one transaction, and in another one where the first failed for a reason that passes: nothing of it is kept.
    async fn take_patiently(&self, job: Job<'_>) -> Result<Vec<Step>, SchemaError> {
        let mut attempt = 1;
        loop {
            match self.take_together(job).await {
                Err(error) if attempt < retry::attempts(&error, job.options.attempts) => {
                    tracing::warn!(schema = %job.home.schema, attempt, %error, "trying again");
                    tokio::time::sleep(retry::pause(attempt)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    /// In one transaction, which holds the lock.
    async fn take_together(&self, job: Job<'_>) -> Result<Vec<Step>, SchemaError> {
        if let Some(planned) = job.planned {
            let applied = planned.iter().map(ToString::to_string).collect();
            let left = left(job.steps, applied);
            if self.take_as_planned(job, planned, &left).await? {
                return Ok(left.steps);
            }
        }
        let transaction = self.begin().await?;
        let steps = self.take_in_transaction(&transaction, job).await?;
        transaction.commit().await?;
        Ok(steps)
    }

    /// If the schema is as it was when the run was planned: in one round trip where a message can say all that is to be
    /// done, and with two to begin with where not. It takes six to find out what has changed.
    async fn take_as_planned(
        &self,
        job: Job<'_>,
        planned: &[Arc<str>],
        left: &Left,
    ) -> Result<bool, SchemaError> {
        if let (Some(batch), Some(pool)) = (self.batch(job, planned, left), pool(&self.db)) {
            let sent = batch.send(pool).await;
            return self.judge(job, planned, sent).await;
        }
        let Some(transaction) = self.begin_as_planned(job, planned).await? else {
            return Ok(false);
        };
        let work = Work::new(&transaction, &self.migrations, job.home);
        self.take_left(&work, job, left).await?;
        transaction.commit().await?;
        Ok(true)
    }

    fn batch<'a>(&self, job: Job<'_>, planned: &[Arc<str>], left: &'a Left) -> Option<Batch<'a>> {
        if job.is_made_ahead || !job.has_version {
            return None;
        }
        Batch::new(&self.migrations, job.home, planned, left, job.options)
    }

    /// Whether a batch did what it should. Where it did nothing and is not to blame for it, the other way finds out why.
    async fn judge(
        &self,
        job: Job<'_>,
        planned: &[Arc<str>],
        sent: Result<(), BatchError>,
    ) -> Result<bool, SchemaError> {
        match sent {
            Ok(()) => Ok(true),
            Err(BatchError::Ours(error)) if retry::is_transient(&error) => Err(error.into()),
            Err(BatchError::Migration(error))
                if retry::passes(&error) || self.is_as_planned(job, planned).await =>
            {
                Err(error)
            }
            Err(error) => {
                tracing::debug!(schema = %job.home.schema, ?error, "a message was not enough");
                Ok(false)
            }
        }
    }

    /// So far as that can be found out.
    async fn is_as_planned(&self, job: Job<'_>, planned: &[Arc<str>]) -> bool {
        match self.begin_as_planned(job, planned).await {
            Ok(Some(transaction)) => transaction.rollback().await.is_ok(),
            Ok(None) => false,
            Err(_) => true,
        }
    }

    async fn begin_as_planned(
        &self,
        job: Job<'_>,
        planned: &[Arc<str>],
    ) -> Result<Option<DatabaseTransaction>, DbErr> {
        let transaction = self.db.begin().await?;
        let ledger = job.home.ledger(&self.migrations);
        if entry::enter_as_planned(&transaction, &self.migrations, ledger, planned, job.options).await? {
            return Ok(Some(transaction));
        }
        transaction.rollback().await?;
        Ok(None)
    }

    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        // Whatever the default is: what is read after the lock must be newer than the lock.
        self.db
            .begin_with_config(Some(IsolationLevel::ReadCommitted), None)
            .await
    }

    async fn take_in_transaction(
        &self,
        transaction: &DatabaseTransaction,
        job: Job<'_>,
    ) -> Result<Vec<Step>, SchemaError> {
        let ledger = job.home.ledger(&self.migrations);
        let place = entry::enter(transaction, &self.migrations, ledger, job.options).await?;
        let work = Work::new(transaction, &self.migrations, job.home);
        let left = work.check_at(&place, job.steps, job.base).await?;
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

    /// Outside of a transaction, in a session of its own. Its end gives the lock back, whatever happens.
    async fn take_alone(&self, job: Job<'_>) -> Result<Vec<Step>, SchemaError> {
        let mut connect = self.connect.clone();
        connect
            // A session that is lost while a migration does something else is opened again, and stands in the schema
            // as well.
            .test_before_acquire_if_idle_for(Duration::ZERO)
            .set_schema_search_path(self.migrations.search_path(job.home.schema))
            .idle_timeout(None)
            .max_lifetime(None);
        let session = Database::connect(connect).await?;
        let result = self.take_in(&session, job).await;
        session.close().await?;
        result
    }

    async fn take_in(&self, session: &DatabaseConnection, job: Job<'_>) -> Result<Vec<Step>, SchemaError> {
        let schema = job.home.schema;
        lock::acquire(session, schema, Hold::Session).await?;
        let work = Work::new(session, &self.migrations, job.home);
        let left = work.check(job.steps, job.base).await?;
        work.ensure_ledger(&left.steps).await?;
        self.call_before(session, job, &left.steps).await?;
        for step in &left.steps {
            let record = self.take_marked(session, &work, job.home, step).await?;
            self.finish_in(session, job, &left, &record).await?;
        }
        if !lock::release(session, schema).await? {
            tracing::warn!(%schema, "the session was lost while a migration ran in it");
        }
        Ok(left.steps)
    }

    async fn call_before(
        &self,
        session: &DatabaseConnection,
        job: Job<'_>,
        steps: &[Step],
    ) -> Result<(), SchemaError> {
        if !job.is_first || steps.is_empty() {
            return Ok(());
        }
        let transaction = session.begin().await?;
        let work = Work::new(&transaction, &self.migrations, job.home);
        work.call(Hook::Before, steps).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// What may be in a transaction is in one: where it fails or is interrupted, the mark stays, and running again does
    /// all of it.
    async fn finish_in(
        &self,
        session: &DatabaseConnection,
        job: Job<'_>,
        left: &Left,
        record: &str,
    ) -> Result<(), SchemaError> {
        let transaction = session.begin().await?;
        let is_locked = lock::is_held(&transaction, job.home.schema).await?;
        if let ([Step::Up(name) | Step::Down(name), ..], false) = (&*left.steps, is_locked) {
            let migration = Arc::clone(name);
            return Err(SchemaError::SessionLost { migration });
        }
        transaction.execute_unprepared(record).await?;
        let work = Work::new(&transaction, &self.migrations, job.home);
        if job.is_last {
            work.call(Hook::After, &left.steps).await?;
        }
        work.finish(left).await?;
        work.grant().await?;
        self.require_renameable(&transaction, job).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// How a session that is interrupted is known afterwards.
impl Worker {
    /// Gives what is to be recorded then.
    async fn take_marked(
        &self,
        session: &DatabaseConnection,
        work: &Work<'_, DatabaseConnection>,
        home: Home<'_>,
        step: &Step,
    ) -> Result<String, SchemaError> {
        let (ledger, schema) = (home.ledger(&self.migrations), home.schema);
        if began::find(session, ledger).await?.as_ref() == Some(step) {
            tracing::warn!(%schema, ?step, "it was begun before and did not end: it is done again");
            began::drop_invalid_indexes(session, schema).await?;
        }
        let before = began::invalid_indexes(session, schema).await?;
        session.execute_unprepared(&began::mark(ledger, step)).await?;
        let record = work.change(step).await?;
        let mut invalid = began::invalid_indexes(session, schema).await?;
        invalid.retain(|index| !before.contains(index));
        if let (Step::Up(name), false) = (step, invalid.is_empty()) {
            return Err(SchemaError::InvalidIndexes {
                migration: Arc::clone(name),
                indexes: invalid,
            });
        }
        Ok(format!("{record}; {}", began::unmark(ledger)))
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
        has_version: status.unrecorded_version().is_none(),
        planned: Some(status.applied()).filter(|_| status.has_ledger() && status.unknown().is_empty()),
        options,
    }
}

/// A session goes from tenant to tenant. What `SELECT * FROM note` gives is of the types of the tenant for whom it was
/// prepared, so it is prepared each time.
///
/// SeaORM keeps one function for the driver's options. The application may have set it, and it cannot be read, so what
/// it does is taken from a pool that it was applied to. Nothing is connected to.
async fn forget_statements(connect: &mut ConnectOptions) -> Result<(), DbErr> {
    let mut lazy = connect.clone();
    lazy.connect_lazy(true)
        .after_connect(|_| Box::pin(async { Ok(()) }));
    let db = Database::connect(lazy).await?;
    if let Some(options) = driver_options(&db) {
        connect.map_sqlx_postgres_opts(move |_| options.clone().statement_cache_capacity(0));
    }
    db.close().await
}

/// What the driver connects with, after all that the application set.
pub(crate) fn driver_options(db: &DatabaseConnection) -> Option<PgConnectOptions> {
    Some((*pool(db)?.connect_options()).clone())
}

fn pool(db: &DatabaseConnection) -> Option<&PgPool> {
    match &db.inner {
        DatabaseConnectionType::SqlxPostgresPoolConnection(_) => Some(db.get_postgres_connection_pool()),
        _ => None,
    }
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

//! [`Worker`]: works on one schema after the other, on a connection of its own.

mod non_transactional;

use std::{
    collections::VecDeque,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use sea_orm::{ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait};
use tenant_core::{SchemaName, TenantStatus, catalog::tenant};

use crate::{
    database::{driver_options, is_uncommitted_enum_value},
    define::{Hook, MigrationSet, Migrations, SchemaRef, Step, schema_of},
    plan::{Outcome, Remaining, RunOptions, SchemaError, SchemaPlan, SchemaReport, SchemaStatus},
    run::{failures, retry},
    schema::{SchemaSession, SchemaState, StatementRecorder, enter, find_name, with_all_statements_logged},
};

/// A connection that migrates, and the migrations.
#[derive(Clone)]
pub(crate) struct Worker {
    connect: ConnectOptions,
    pub(crate) db: DatabaseConnection,
    pub(crate) migrations: Migrations,
    /// True if its only session has the lock of the one schema that it works on.
    has_lock: bool,
}

/// Time after which an idle connection is tested before it is used.
const IDLE: Duration = Duration::from_secs(1);

/// Steps in one schema, which are done in one go.
#[derive(Clone, Copy)]
struct SchemaTask<'a> {
    schema_ref: SchemaRef<'a>,
    steps: &'a [Step],
    /// True if the schema is in the pool of pending schemas.
    is_pooled: bool,
    /// True if the schema's tenant is being created: whoever does that completes the schema.
    is_new: bool,
    /// True if no other task of the schema comes before this one.
    is_first: bool,
    /// True if no other task of the schema comes after this one.
    is_last: bool,
    /// Migrations that the plan is based on: they must still be applied.
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
        prepare_options(&mut connect).await?;
        let db = Database::connect(connect.clone()).await?;
        Ok(Self {
            connect,
            db,
            migrations,
            has_lock: false,
        })
    }

    /// Connects another worker like this one.
    pub(crate) async fn another(&self) -> Result<Self, DbErr> {
        let db = Database::connect(self.connect.clone()).await?;
        Ok(Self { db, ..self.clone() })
    }

    /// Connects a worker like this one whose statements can be recorded.
    pub(crate) async fn recording(&self) -> Result<Self, DbErr> {
        let mut connect = self.connect.clone();
        if let Some(options) = driver_options(&self.db) {
            connect.map_sqlx_postgres_opts(move |_| with_all_statements_logged(options.clone()));
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
        let schema = &plan.status.schema;
        let outcome = match plan.steps {
            Ok(steps) => self.run_all(task(&plan.status, &steps, options)).await,
            Err(error) => error.into(),
        };
        let outcome = self.explain(&plan.status, outcome).await;
        failures::note(&self.db, &plan.status, &outcome).await;
        SchemaReport::new(schema, outcome, begun.elapsed())
    }

    /// Explains a missing schema that was pending when the run was planned: a tenant may have got it.
    async fn explain(&self, status: &SchemaStatus, outcome: Outcome) -> Outcome {
        match (outcome, status.pooled) {
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
                schema: schema_of(&row.schema_name)?,
            },
        })
    }

    /// Applies all migrations in the schema of a tenant that is being created. Roles are not granted.
    pub(crate) async fn migrate_new(&self, schema_ref: SchemaRef<'_>) -> Result<(), SchemaError> {
        let names = schema_ref.set(&self.migrations).names();
        let steps: Vec<_> = names.cloned().map(Step::Up).collect();
        let task = SchemaTask {
            schema_ref,
            steps: &steps,
            is_pooled: false,
            is_new: true,
            is_first: true,
            is_last: true,
            base: &[],
            options: &RunOptions::default(),
        };
        match self.run_all(task).await {
            Outcome::Failed { error, .. } => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns the statements that the migrations of a plan send, from a transaction that is rolled back. The worker must be
    /// a [recording](Self::recording) one.
    pub(crate) async fn preview(
        &self,
        plan: &SchemaPlan,
        options: &RunOptions,
    ) -> Result<Vec<String>, SchemaError> {
        let steps = plan
            .steps
            .as_ref()
            .map_err(|error| SchemaError::Planned(error.to_string()))?;
        let task = task(&plan.status, steps, options);
        let set = task.schema_ref.set(&self.migrations);
        if let Some(step) = steps.iter().find(|step| !is_transactional(set, step)) {
            return Err(SchemaError::NotTransactional { step: step.clone() });
        }
        let (transaction, state) = self.enter(task).await?;
        let recorder = StatementRecorder::default();
        let applied = recorder.record(self.apply_in(&transaction, state, task)).await;
        transaction.rollback().await?;
        applied.map(|_| recorder.into_statements())
    }

    /// Runs all steps, in as few transactions as the migrations allow: each outside of transactions is alone, and those between
    /// are one transaction. If a step uses an enum value that a step before it added, PostgreSQL wants a COMMIT between: the
    /// transaction is rolled back, and is two.
    async fn run_all(&self, task: SchemaTask<'_>) -> Outcome {
        let set = task.schema_ref.set(&self.migrations);
        let together = |a: &Step, b: &Step| is_transactional(set, a) && is_transactional(set, b);
        let mut done = Vec::new();
        let mut chunks: VecDeque<_> = task.steps.chunk_by(together).collect();
        let mut is_first = true;
        while let Some(steps) = chunks.pop_front() {
            let task = SchemaTask {
                steps,
                is_first,
                is_last: chunks.is_empty(),
                ..task
            };
            let applied = match steps {
                [step] if !is_transactional(set, step) => self.run_without_transaction(task).await,
                _ => self.run_with_retry(task).await,
            };
            match applied {
                Ok(applied) => {
                    done.extend(applied);
                    is_first = false;
                }
                Err(error) => match split(steps, &error) {
                    Some((before, after)) => {
                        tracing::debug!(schema = %task.schema_ref.schema, %error, "two transactions");
                        chunks.push_front(after);
                        chunks.push_front(before);
                    }
                    None => return Outcome::Failed { done, error },
                },
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
    async fn run_with_retry(&self, task: SchemaTask<'_>) -> Result<Vec<Step>, SchemaError> {
        retry::with_retry(task.schema_ref.schema, task.options.attempts, || {
            self.run_in_transaction(task)
        })
        .await
    }

    /// Runs the steps in one transaction, which holds the lock of the schema.
    async fn run_in_transaction(&self, task: SchemaTask<'_>) -> Result<Vec<Step>, SchemaError> {
        let (transaction, state) = self.enter(task).await?;
        let steps = self.apply_in(&transaction, state, task).await?;
        transaction.commit().await?;
        Ok(steps)
    }

    async fn enter(&self, task: SchemaTask<'_>) -> Result<(DatabaseTransaction, SchemaState), DbErr> {
        let ledger = task.schema_ref.ledger(&self.migrations);
        enter::enter(&self.db, &self.migrations, ledger, task.options).await
    }

    async fn apply_in(
        &self,
        transaction: &DatabaseTransaction,
        state: SchemaState,
        task: SchemaTask<'_>,
    ) -> Result<Vec<Step>, SchemaError> {
        let schema_session = SchemaSession::new(transaction, &self.migrations, task.schema_ref);
        let remaining = schema_session.check_at(state, task.steps, task.base).await?;
        if !state.has_ledger {
            schema_session.ensure_ledger(&remaining.steps).await?;
        }
        self.apply_remaining(&schema_session, task, &remaining).await?;
        Ok(remaining.steps)
    }

    async fn apply_remaining(
        &self,
        schema_session: &SchemaSession<'_, DatabaseTransaction>,
        task: SchemaTask<'_>,
        remaining: &Remaining,
    ) -> Result<(), SchemaError> {
        if remaining.steps.is_empty() {
            return Ok(());
        }
        if task.is_first {
            schema_session.call_hook(Hook::Before, &remaining.steps).await?;
        }
        self.apply_steps(schema_session, remaining, task.is_last).await?;
        self.complete(schema_session, task).await
    }

    /// Grants the tenant's role its rights, or refuses a pending schema that cannot be renamed.
    async fn complete(
        &self,
        schema_session: &SchemaSession<'_, DatabaseTransaction>,
        task: SchemaTask<'_>,
    ) -> Result<(), SchemaError> {
        if task.is_pooled {
            self.require_renameable(schema_session.db(), task.schema_ref.schema)
                .await?;
        } else if !task.is_new {
            schema_session.grant().await?;
        }
        Ok(())
    }

    /// Refuses a pending schema that has its own name in it: a tenant will get it under another name.
    async fn require_renameable(
        &self,
        db: &DatabaseTransaction,
        schema: &SchemaName,
    ) -> Result<(), SchemaError> {
        let found = find_name(db, &self.migrations, schema).await?;
        found.map_or(Ok(()), |object| Err(SchemaError::NamesItself { object }))
    }

    async fn apply_steps(
        &self,
        schema_session: &SchemaSession<'_, DatabaseTransaction>,
        remaining: &Remaining,
        is_last: bool,
    ) -> Result<(), SchemaError> {
        let Some((last, others)) = remaining.steps.split_last() else {
            return Ok(());
        };
        for step in others {
            schema_session.apply(step).await?;
        }
        if !is_last || self.migrations.hooks().is_none() {
            return schema_session.apply_last(last, remaining).await;
        }
        schema_session.apply(last).await?;
        schema_session.call_hook(Hook::After, &remaining.steps).await?;
        schema_session.finish(remaining).await?;
        Ok(())
    }
}

/// Makes the task of all steps of a schema.
fn task<'a>(status: &'a SchemaStatus, steps: &'a [Step], options: &'a RunOptions) -> SchemaTask<'a> {
    // A migration comes after those before it, so a plan that only goes up holds as long as what was applied still is.
    let goes_up = steps
        .iter()
        .all(|step| matches!(step, Step::Up(_) | Step::Fake(_)));
    SchemaTask {
        schema_ref: SchemaRef {
            schema: &status.schema,
            kind: status.kind.as_deref(),
        },
        steps,
        is_pooled: status.pooled.is_some(),
        is_new: false,
        is_first: true,
        is_last: true,
        base: if goes_up { &status.applied } else { &[] },
        options,
    }
}

/// Sets the options of the driver.
///
/// A session goes from tenant to tenant. The columns of a prepared `SELECT * FROM note` have the types of the tenant for
/// whom it was prepared, so nothing stays prepared.
///
/// SeaORM keeps one function that changes the driver's options. The application may have set it, and it cannot be read. So
/// the options come from a lazy pool that the function was applied to. Nothing is connected to.
async fn prepare_options(connect: &mut ConnectOptions) -> Result<(), DbErr> {
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

/// Splits the steps of a transaction before the step that used an enum value which is not committed yet, if that is why they
/// failed. A step that uses its own value fails alone, too.
fn split<'a>(steps: &'a [Step], error: &SchemaError) -> Option<(&'a [Step], &'a [Step])> {
    let SchemaError::Migration { step, source } = error else {
        return None;
    };
    let place = steps.iter().position(|other| other == step)?;
    let is_split = place > 0 && is_uncommitted_enum_value(source);
    is_split.then(|| steps.split_at(place))
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

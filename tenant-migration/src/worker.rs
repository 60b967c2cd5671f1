//! [`Worker`]: works on one schema after the other, on a connection of its own.

use std::{fmt, sync::Arc, time::Instant};

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseConnectionType, DbErr,
    IsolationLevel, TransactionTrait,
};
use tenant_core::SchemaName;

use crate::{
    began, entry,
    error::SchemaError,
    lock::{self, Hold},
    migrations::{MigrationSet, Migrations, scope_of},
    plan::{SchemaPlan, Step},
    report::{Outcome, SchemaReport},
    retry,
    run_options::RunOptions,
    work::Work,
};

#[derive(Clone)]
pub(crate) struct Worker {
    connect: ConnectOptions,
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
    options: &'a RunOptions,
}

impl Worker {
    pub(crate) async fn connect(mut connect: ConnectOptions, migrations: Migrations) -> Result<Self, DbErr> {
        connect.max_connections(1).min_connections(0);
        forget_statements(&mut connect).await?;
        let db = Database::connect(connect.clone()).await?;
        Ok(Self {
            connect,
            db,
            migrations,
        })
    }

    /// One like this, with a connection of its own, which is opened when it is needed.
    pub(crate) async fn another(&self) -> Result<Self, DbErr> {
        let mut connect = self.connect.clone();
        connect.connect_lazy(true);
        let db = Database::connect(connect).await?;
        Ok(Self { db, ..self.clone() })
    }

    pub(crate) async fn migrate(&self, plan: SchemaPlan, options: &RunOptions) -> SchemaReport {
        let begun = Instant::now();
        let schema = plan.status.schema();
        let outcome = match plan.steps {
            Ok(steps) => {
                // A migration comes after those before it, so a plan that only goes up holds as long as
                // what was applied still is.
                let goes_up = steps.iter().all(|step| matches!(step, Step::Up(_)));
                let base = if goes_up { plan.status.applied() } else { &[] };
                let job = Job {
                    schema,
                    steps: &steps,
                    base,
                    options,
                };
                self.take_all(job).await
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
                Err(error) if attempt < job.options.attempts && retry::passes(&error) => {
                    tracing::warn!(schema = %job.schema, attempt, %error, "trying again");
                    tokio::time::sleep(retry::pause(attempt)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    /// In one transaction, which holds the lock.
    async fn take_together(&self, job: Job<'_>) -> Result<Vec<Step>, SchemaError> {
        // Whatever the default is: what is read after the lock must be newer than the lock.
        let isolation = Some(IsolationLevel::ReadCommitted);
        let transaction = self.db.begin_with_config(isolation, None).await?;
        let place = entry::enter(&transaction, &self.migrations, job.schema, job.options).await?;
        let work = Work::new(&transaction, &self.migrations, job.schema);
        let steps = work.check_at(&place, job.steps, job.base).await?;
        if !place.has_ledger {
            work.ensure_ledger(&steps).await?;
        }
        for step in &steps {
            work.take(step).await?;
        }
        work.pin_functions(&steps).await?;
        work.grant().await?;
        transaction.commit().await?;
        Ok(steps)
    }

    /// Outside of a transaction, in a session of its own. Its end gives the lock back, whatever happens.
    async fn take_alone(&self, job: Job<'_>) -> Result<Vec<Step>, SchemaError> {
        let mut connect = self.connect.clone();
        connect
            // A session that is lost and opened again stands in the schema as well.
            .set_schema_search_path(self.migrations.search_path(job.schema))
            .idle_timeout(None)
            .max_lifetime(None);
        let session = Database::connect(connect).await?;
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
            self.take_marked(session, &work, job.schema, step).await?;
        }
        let transaction = session.begin().await?;
        Work::new(&transaction, &self.migrations, job.schema)
            .grant()
            .await?;
        transaction.commit().await?;
        if !lock::release(session, job.schema).await? {
            tracing::warn!(schema = %job.schema, "the session was lost while a migration ran in it");
        }
        Ok(steps)
    }
}

/// How a session that is interrupted is known afterwards.
impl Worker {
    async fn take_marked(
        &self,
        session: &DatabaseConnection,
        work: &Work<'_, DatabaseConnection>,
        schema: &SchemaName,
        step: &Step,
    ) -> Result<(), SchemaError> {
        let ledger = self.migrations.ledger(schema);
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
        // One message is one transaction.
        let pin = self.migrations.pin(schema).unwrap_or_default();
        let done = format!("{record}; {}; {pin}", began::unmark(ledger));
        session.execute_unprepared(&done).await?;
        Ok(())
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
    if let DatabaseConnectionType::SqlxPostgresPoolConnection(_) = &db.inner {
        let options = db.get_postgres_connection_pool().connect_options();
        connect.map_sqlx_postgres_opts(move |_| (*options).clone().statement_cache_capacity(0));
    }
    db.close().await
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

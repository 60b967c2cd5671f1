//! Jobs of tenants, in a queue of [apalis](https://docs.rs/apalis) in the same database.
//!
//! - The queue is there once for all tenants. apalis keeps it in a schema of its own, `apalis`.
//! - A job carries a [`TenantRef`]. The worker resolves it when the job runs, perhaps hours later, and gets a connection only if
//!   the tenant is served then.
//! - A job runs in the context and the span of its tenant, as a request does.
//! - The job of a tenant that is suspended, in maintenance or behind is put off. That of a tenant that is gone is given up.
//!
//! A job may run twice: a worker can die after it did the work, and before the queue knows that. A job that must not have its
//! effect twice looks for it first.

use std::time::Duration;

use apalis::prelude::{
    AbortError, BoxDynError, Data, TaskBuilder, TaskSink as _, WorkerBuilder, WorkerBuilderExt as _,
    WorkerError,
};
use apalis_postgres::{Config, PostgresStorage};
use example_entity::note;
use sea_orm::{ActiveModelTrait as _, ActiveValue::Set, DbErr};
use serde::{Deserialize, Serialize};
use tenant_core::{Tenant, TenantConnection, TenantRef, Tenants, context};

/// Time after which the job of a tenant that is not served is tried again: 60 s.
pub const PUT_OFF: Duration = Duration::from_secs(60);

/// Attempts for a job that fails.
const MAX_ATTEMPTS: usize = 5;

/// A job: to write a note for a tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AddNote {
    /// The tenant.
    pub tenant: TenantRef,
    /// Title of the note.
    pub title: String,
}

/// The queue of all tenants' jobs. Cheap to clone.
pub type Queue = PostgresStorage<AddNote>;

/// Opens the queue, and creates or updates its tables. It uses the connections of the shared schema.
///
/// The server needs PostgreSQL's extensions `hstore` and `pgcrypto`, and the user the right to create schemas in the database.
///
/// # Errors
/// [`apalis_postgres::Error`] if the tables cannot be created.
pub async fn open(tenants: &Tenants) -> Result<Queue, apalis_postgres::Error> {
    let pool = tenants.shared_connection().get_postgres_connection_pool();
    PostgresStorage::setup(pool).await?;
    Ok(PostgresStorage::new(pool).with_config(Config::default().queue("add-note")))
}

/// Adds a job for a tenant. After a transaction of the tenant, add it when that is committed.
///
/// # Errors
/// An error if the database cannot be reached.
pub async fn add(queue: &Queue, tenant: &Tenant, title: impl Into<String>) -> Result<(), BoxDynError> {
    let job = AddNote {
        tenant: tenant.reference(),
        title: title.into(),
    };
    push(queue, job, Duration::ZERO).await
}

async fn push(queue: &Queue, job: AddNote, delay: Duration) -> Result<(), BoxDynError> {
    let task = TaskBuilder::new(job).max_attempts(MAX_ATTEMPTS);
    let task = if delay.is_zero() {
        task
    } else {
        task.run_after(delay)
    };
    queue.clone().push_task(task.build()).await?;
    Ok(())
}

/// Does the jobs of the queue until a future completes. Jobs that run are done first.
///
/// # Errors
/// [`WorkerError`] if the queue cannot be read.
pub async fn work(
    tenants: Tenants,
    queue: Queue,
    until: impl Future<Output = ()> + Send + 'static,
) -> Result<(), WorkerError> {
    let worker = WorkerBuilder::new(format!("add-note-{}", std::process::id()))
        .backend(queue.clone())
        .data(tenants)
        .data(queue)
        .catch_panic()
        .build(run);
    let until = async {
        until.await;
        Ok::<_, std::io::Error>(())
    };
    worker.run_until(until).await
}

/// Runs a job for its tenant, if the tenant is served now.
async fn run(job: AddNote, tenants: Data<Tenants>, queue: Data<Queue>) -> Result<(), BoxDynError> {
    match tenants.resolve(&job.tenant).await {
        Ok(db) => Ok(context::scope(db.tenant().clone(), job.perform(&db)).await?),
        // The queue tries a failed job again at once, and only a few times. So it gets the job anew, for later.
        Err(reason) if reason.may_pass() => {
            tracing::info!(%reason, "a job is put off");
            push(&queue, job, PUT_OFF).await
        }
        // apalis does not try an aborted job again.
        Err(reason) => {
            tracing::warn!(%reason, "a job is given up");
            Err(AbortError::new(reason).into())
        }
    }
}

impl AddNote {
    async fn perform(&self, db: &TenantConnection) -> Result<(), DbErr> {
        let note = note::ActiveModel {
            title: Set(self.title.clone()),
            body: Set(String::new()),
            ..Default::default()
        };
        note.insert(db).await?;
        // The line is in the span of the tenant.
        tracing::info!("a note was added");
        Ok(())
    }
}

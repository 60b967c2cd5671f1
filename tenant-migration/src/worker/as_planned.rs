//! Steps in a schema that is as it was when the run was planned.

use std::sync::Arc;

use sea_orm::{DatabaseTransaction, DbErr, TransactionTrait};

use super::{Job, Worker, pool};
use crate::{
    batch::{Batch, BatchError},
    entry,
    error::{SchemaError, is_answer},
    plan::{Left, Step},
    preview::Tape,
    rehearsal::Rehearsal,
    retry,
    work::Work,
};

impl Worker {
    /// If the schema is as it was when the run was planned: in one round trip where a message can say all that is to be
    /// done, and with two to begin with where not. It takes six to find out what has changed.
    pub(super) async fn take_as_planned(
        &self,
        job: Job<'_>,
        planned: &[Arc<str>],
        left: &Left,
    ) -> Result<bool, SchemaError> {
        match self.rehearse(job, left) {
            Rehearsal::Sends(sent) => {
                let batch = Batch::new(&self.migrations, job.home, planned, left, sent, job.options);
                let sent = batch.send(self.db.get_postgres_connection_pool()).await;
                self.judge(job, planned, sent).await
            }
            Rehearsal::Unknown(watch) => {
                let tape = Tape::default();
                let is_done = tape.record(self.take_step_by_step(job, planned, left)).await?;
                if is_done {
                    watch.learn(tape.into_parts());
                }
                Ok(is_done)
            }
            Rehearsal::Varies => self.take_step_by_step(job, planned, left).await,
        }
    }

    /// What the migrations of a plan send, if a message could do all that is to be done.
    fn rehearse(&self, job: Job<'_>, left: &Left) -> Rehearsal<'_> {
        let is_more =
            job.home.schema.is_shared() || job.is_made_ahead || job.is_unrecorded || job.has_unpinned;
        if is_more || !self.migrations.may_be_batched() || pool(&self.db).is_none() {
            return Rehearsal::Varies;
        }
        let ups = left.steps.iter().map(|step| match step {
            Step::Up(name) => Some(&**name),
            _ => None,
        });
        let names: Option<Vec<_>> = ups.collect();
        names.map_or(Rehearsal::Varies, |names| {
            self.migrations.set(job.home.kind).rehearse(&names)
        })
    }

    async fn take_step_by_step(
        &self,
        job: Job<'_>,
        planned: &[Arc<str>],
        left: &Left,
    ) -> Result<bool, SchemaError> {
        let Some(transaction) = self.begin_as_planned(job, planned).await? else {
            return Ok(false);
        };
        let work = Work::new(&transaction, &self.migrations, job.home);
        self.take_left(&work, job, left).await?;
        transaction.commit().await?;
        Ok(true)
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
            Err(BatchError::Ours(error)) if is_final(&error) => Err(error.into()),
            Err(BatchError::Ours(error)) => {
                tracing::debug!(schema = %job.home.schema, %error, "a message was not enough");
                Ok(false)
            }
            Err(BatchError::Migration { step, source }) => {
                match is_final(&source) || self.is_as_planned(job, planned).await {
                    true => Err(SchemaError::Migration { step, source }),
                    false => Ok(false),
                }
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
}

/// Whether the other way would find out no more: it may pass, or nobody knows whether all was done, which the next run
/// sees.
fn is_final(error: &DbErr) -> bool {
    retry::is_transient(error) || !is_answer(error)
}

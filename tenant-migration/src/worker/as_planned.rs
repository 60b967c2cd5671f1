//! Steps in a schema that is as it was when the run was planned.

use std::sync::Arc;

use sea_orm::{DatabaseTransaction, DbErr, TransactionTrait};

use super::{Job, Worker, pool};
use crate::{
    batch::{Batch, BatchError},
    entry,
    error::SchemaError,
    plan::Left,
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
}

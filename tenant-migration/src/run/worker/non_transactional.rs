//! Migrations outside of transactions, each in a session of its own.

use std::{sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, TransactionTrait};

use crate::{
    define::{dirty_mark, hooks::Hook, schema_ref::Home, step::Step},
    plan::{error::SchemaError, remaining::Left},
    run::worker::{Job, Worker},
    schema::{dirty, lock, session::Work},
};

impl Worker {
    /// Outside of a transaction, in a session of its own. Its end gives the lock back, whatever happens.
    pub(super) async fn take_alone(&self, job: Job<'_>) -> Result<Vec<Step>, SchemaError> {
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
        lock::acquire_in_session(session, schema).await?;
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
        if dirty::find(session, ledger).await?.as_ref() == Some(step) {
            tracing::warn!(%schema, ?step, "it was begun before and did not end: it is done again");
            dirty::drop_invalid_indexes(session, schema).await?;
        }
        let before = dirty::invalid_indexes(session, schema).await?;
        session
            .execute_unprepared(&dirty_mark::mark(ledger, step))
            .await?;
        let record = work.change(step).await?;
        let mut invalid = dirty::invalid_indexes(session, schema).await?;
        invalid.retain(|index| !before.contains(index));
        if let (Step::Up(name), false) = (step, invalid.is_empty()) {
            return Err(SchemaError::InvalidIndexes {
                migration: Arc::clone(name),
                indexes: invalid,
            });
        }
        Ok(format!("{record}; {}", dirty_mark::unmark(ledger)))
    }
}

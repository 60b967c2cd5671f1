//! Migrations outside of transactions, each in a session of its own.

use std::{sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, TransactionTrait};

use crate::{
    define::{Hook, SchemaRef, Step, dirty_mark},
    plan::{Remaining, SchemaError},
    run::worker::{SchemaTask, Worker},
    schema::{SchemaSession, dirty, lock},
};

impl Worker {
    /// Runs a step outside of a transaction, in a session of its own. The end of the session releases the lock, whatever
    /// happens.
    pub(super) async fn run_without_transaction(
        &self,
        task: SchemaTask<'_>,
    ) -> Result<Vec<Step>, SchemaError> {
        let mut connect = self.connect.clone();
        connect
            // A session that is lost while a migration does something else is opened again, and stands in the schema
            // as well.
            .test_before_acquire_if_idle_for(Duration::ZERO)
            .set_schema_search_path(self.migrations.search_path(task.schema_ref.schema))
            .idle_timeout(None)
            .max_lifetime(None);
        let session = Database::connect(connect).await?;
        let result = self.run_in_session(&session, task).await;
        session.close().await?;
        result
    }

    async fn run_in_session(
        &self,
        session: &DatabaseConnection,
        task: SchemaTask<'_>,
    ) -> Result<Vec<Step>, SchemaError> {
        let schema = task.schema_ref.schema;
        lock::acquire_in_session(session, schema).await?;
        let schema_session = SchemaSession::new(session, &self.migrations, task.schema_ref);
        let remaining = schema_session.check(task.steps, task.base).await?;
        schema_session.ensure_ledger(&remaining.steps).await?;
        self.call_before(session, task, &remaining.steps).await?;
        for step in &remaining.steps {
            let record = self
                .apply_marked(session, &schema_session, task.schema_ref, step)
                .await?;
            self.finish_in(session, task, &remaining, &record).await?;
        }
        if !lock::release(session, schema).await? {
            tracing::warn!(%schema, "the session was lost while a migration ran in it");
        }
        Ok(remaining.steps)
    }

    async fn call_before(
        &self,
        session: &DatabaseConnection,
        task: SchemaTask<'_>,
        steps: &[Step],
    ) -> Result<(), SchemaError> {
        if !task.is_first || steps.is_empty() {
            return Ok(());
        }
        let transaction = session.begin().await?;
        let schema_session = SchemaSession::new(&transaction, &self.migrations, task.schema_ref);
        schema_session.call_hook(Hook::Before, steps).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Records a step, and does all that comes after it, in one transaction. If that fails or is interrupted, the mark stays,
    /// and the next run does all of it again.
    async fn finish_in(
        &self,
        session: &DatabaseConnection,
        task: SchemaTask<'_>,
        remaining: &Remaining,
        record: &str,
    ) -> Result<(), SchemaError> {
        let transaction = session.begin().await?;
        let is_locked = lock::is_held(&transaction, task.schema_ref.schema).await?;
        if let ([Step::Up(name) | Step::Down(name), ..], false) = (&*remaining.steps, is_locked) {
            let migration = Arc::clone(name);
            return Err(SchemaError::SessionLost { migration });
        }
        transaction.execute_unprepared(record).await?;
        let schema_session = SchemaSession::new(&transaction, &self.migrations, task.schema_ref);
        if task.is_last {
            schema_session.call_hook(Hook::After, &remaining.steps).await?;
        }
        schema_session.finish(remaining).await?;
        schema_session.grant().await?;
        self.require_renameable(&transaction, task).await?;
        transaction.commit().await?;
        Ok(())
    }
}

impl Worker {
    /// Runs a step between a mark and its removal, so that an interruption is seen by the next run. Returns the statements
    /// that record the step and remove the mark.
    async fn apply_marked(
        &self,
        session: &DatabaseConnection,
        schema_session: &SchemaSession<'_, DatabaseConnection>,
        schema_ref: SchemaRef<'_>,
        step: &Step,
    ) -> Result<String, SchemaError> {
        let (ledger, schema) = (schema_ref.ledger(&self.migrations), schema_ref.schema);
        if dirty::find(session, ledger).await?.as_ref() == Some(step) {
            tracing::warn!(%schema, ?step, "it was begun before and did not end: it is done again");
            dirty::drop_invalid_indexes(session, schema).await?;
        }
        let before = dirty::invalid_indexes(session, schema).await?;
        session
            .execute_unprepared(&dirty_mark::mark(ledger, step))
            .await?;
        let record = schema_session.perform(step).await?;
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

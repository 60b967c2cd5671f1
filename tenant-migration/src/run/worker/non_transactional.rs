//! Migrations outside of transactions, each in a session of its own.

use std::{sync::Arc, time::Duration};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, TransactionTrait};
use tenant_core::SchemaName;

use crate::{
    database::{SessionError, driver_options, forbid_reconnection, require_own_session},
    define::{Hook, Migrations, SchemaRef, Step, dirty_mark},
    plan::{Remaining, SchemaError},
    run::worker::{SchemaTask, Worker},
    schema::{SchemaSession, dirty, lock},
};

impl Worker {
    /// Connects a worker with one session, which stands in a schema, has its lock and does all of the work there. If the session
    /// is lost, all further work fails. `db` tells where to connect to.
    pub(crate) async fn connect_locked(
        db: &DatabaseConnection,
        migrations: &Migrations,
        schema: &SchemaName,
    ) -> Result<Self, SessionError> {
        let options = driver_options(db)
            .ok_or_else(|| DbErr::Custom("this is no connection to PostgreSQL".to_owned()))?;
        require_own_session(&options).await?;
        let mut connect = ConnectOptions::new("postgres://");
        connect.max_connections(1).min_connections(0);
        // As in `prepare_options`.
        connect.map_sqlx_postgres_opts(move |_| options.clone().statement_cache_capacity(0));
        let session = connect_session(connect.clone(), migrations, schema).await?;
        lock::acquire_in_session(&session, schema).await?;
        Ok(Self {
            connect,
            db: session,
            migrations: migrations.clone(),
            has_lock: true,
        })
    }

    /// Runs a step outside of a transaction: in the session that has the lock, or else in one of its own. The end of the session
    /// releases the lock, whatever happens.
    pub(super) async fn run_without_transaction(
        &self,
        task: SchemaTask<'_>,
    ) -> Result<Vec<Step>, SchemaError> {
        if self.has_lock {
            // A migration before it may have changed the path of the session.
            let path = self.migrations.search_path(task.schema_ref.schema);
            let set_path = format!("SET search_path = {path}");
            self.db.execute_unprepared(&set_path).await?;
            return self.run_in_session(&self.db, task).await;
        }
        let session = connect_session(self.connect.clone(), &self.migrations, task.schema_ref.schema).await?;
        let result = self.run_in_session(&session, task).await;
        session.close().await?;
        result
    }

    /// Waits for the lock of the schema, and runs the steps. If the session is lost meanwhile, so is the lock, and whatever
    /// failed then failed for that reason.
    async fn run_in_session(
        &self,
        session: &DatabaseConnection,
        task: SchemaTask<'_>,
    ) -> Result<Vec<Step>, SchemaError> {
        lock::acquire_in_session(session, task.schema_ref.schema).await?;
        let error = match self.run_locked(session, task).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let is_locked = lock::is_held(session, task.schema_ref.schema)
            .await
            .unwrap_or(false);
        match task.steps {
            [Step::Up(name) | Step::Down(name), ..] if !is_locked => {
                let migration = Arc::clone(name);
                Err(SchemaError::SessionLost { migration })
            }
            _ => Err(error),
        }
    }

    async fn run_locked(
        &self,
        session: &DatabaseConnection,
        task: SchemaTask<'_>,
    ) -> Result<Vec<Step>, SchemaError> {
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
        transaction.execute_unprepared(record).await?;
        let schema_session = SchemaSession::new(&transaction, &self.migrations, task.schema_ref);
        if task.is_last {
            schema_session.call_hook(Hook::After, &remaining.steps).await?;
        }
        schema_session.finish(remaining).await?;
        self.complete(&schema_session, task).await?;
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

/// Connects a session that stands in a schema, and that is not replaced by another one when it is lost: that would be without
/// the lock.
async fn connect_session(
    mut connect: ConnectOptions,
    migrations: &Migrations,
    schema: &SchemaName,
) -> Result<DatabaseConnection, DbErr> {
    connect
        .test_before_acquire_if_idle_for(Duration::ZERO)
        .set_schema_search_path(migrations.search_path(schema))
        .idle_timeout(None)
        .max_lifetime(None);
    let session = Database::connect(connect).await?;
    forbid_reconnection(&session);
    Ok(session)
}

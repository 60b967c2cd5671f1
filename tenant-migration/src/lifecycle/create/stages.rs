//! Creating a tenant in several transactions, where its migrations need that: one runs outside of transactions, or uses an enum
//! value that another one added.
//!
//! 1. A transaction inserts the row with the status `provisioning`, which is not served (503), and creates an empty schema.
//! 2. The migrations run, as in a run of migrations.
//! 3. Another transaction seeds the tenant, creates its role, and gives it its status.
//!
//! One session does all of it and has the schema's lock. A row with the status `provisioning` whose lock is free is left from a
//! program that was killed ([`Reservation`]): the next creation of the tenant removes it.

use std::{collections::HashSet, time::Duration};

use sea_orm::{
    ColumnTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, sea_query::Expr,
};
use tenant_core::{Tenant, TenantStatus, catalog::tenant};
use tokio::time::timeout;

use crate::{
    database::SessionError,
    lifecycle::{LifecycleError, NameError, create::creation::Creation, lookup, reservation::Reservation},
    plan::Remaining,
    run::Worker,
};

/// Time to wait for the lock of the schema: the session of a program that was killed may go on for a moment.
const SCHEMA_LOCK_TIMEOUT: Duration = Duration::from_secs(10);

impl Creation {
    /// True if the name is taken by what a killed creation left.
    pub(super) async fn is_left_over(&self, error: &LifecycleError) -> bool {
        let is_taken = matches!(error, LifecycleError::Name(NameError::SchemaTaken { .. }));
        is_taken && matches!(Reservation::find(&self.db, self.schema()).await, Ok(Some(_)))
    }

    pub(super) async fn run_in_stages(self) -> Result<Tenant, LifecycleError> {
        let worker = self.connect_locked().await?;
        let created = self.create_in_stages(&worker).await;
        // If closing fails, the session is lost, and the lock with it.
        let _ = worker.db.close().await;
        created.map(|row| self.tenant(row))
    }

    async fn connect_locked(&self) -> Result<Worker, LifecycleError> {
        let connected = Worker::connect_locked(&self.db, &self.migrations, self.schema());
        match timeout(SCHEMA_LOCK_TIMEOUT, connected).await {
            Ok(Ok(worker)) => Ok(worker),
            Ok(Err(SessionError::Database(error))) => Err(self.failed(error)),
            Ok(Err(source)) => Err(LifecycleError::Session {
                schema: self.schema().clone(),
                source,
            }),
            Err(_) => Err(self.taken()),
        }
    }

    async fn create_in_stages(&self, worker: &Worker) -> Result<tenant::Model, LifecycleError> {
        self.remove_left_over(&worker.db).await?;
        let reservation = self.reserve(worker).await?;
        match self.fill(worker, &reservation).await {
            Ok(row) => Ok(row),
            Err(error) => self.undo(worker, &reservation, error).await,
        }
    }

    async fn remove_left_over(&self, db: &DatabaseConnection) -> Result<(), LifecycleError> {
        if let Some(reservation) = Reservation::find(db, self.schema()).await? {
            tracing::warn!(schema = %self.schema(), "removing what an interrupted creation left");
            let removed = reservation.remove(db).await;
            removed.map_err(|error| self.not_migrated(error))?;
        }
        Ok(())
    }

    /// Inserts the row and the domain, and creates the schema, in one transaction.
    async fn reserve(&self, worker: &Worker) -> Result<Reservation, LifecycleError> {
        let transaction = self.begin(&worker.db).await?;
        let reservation = match self.reserve_in(&transaction).await {
            Ok(reservation) => reservation,
            Err(error) => {
                // If the rollback fails, the session is lost, and the transaction with it.
                let _ = transaction.rollback().await;
                return Err(error);
            }
        };
        match self.commit_transaction(transaction).await {
            Ok(()) => Ok(reservation),
            Err(error) => Err(self.remove(worker, &reservation, error).await.1),
        }
    }

    async fn begin(&self, db: &DatabaseConnection) -> Result<DatabaseTransaction, LifecycleError> {
        lookup::begin(db).await.map_err(|error| self.failed(error))
    }

    async fn reserve_in(&self, db: &DatabaseTransaction) -> Result<Reservation, LifecycleError> {
        let row = self.insert_row(db, TenantStatus::Provisioning).await?;
        let reserved = Reservation::create(db, row.id, self.schema()).await;
        reserved.map_err(|error| self.failed(error))
    }

    async fn fill(
        &self,
        worker: &Worker,
        reservation: &Reservation,
    ) -> Result<tenant::Model, LifecycleError> {
        let migrated = worker.migrate_new(self.schema_ref()).await;
        migrated.map_err(|error| self.not_migrated(error))?;
        self.check_awaited()?;
        let transaction = self.begin(&worker.db).await?;
        match self.give_status(&transaction, reservation).await {
            Ok(row) => {
                self.commit_transaction(transaction).await?;
                Ok(row)
            }
            Err(error) => {
                // If the rollback fails, the session is lost, and the transaction with it.
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }

    /// Completes the tenant, and writes its status and its metadata, which the mark of the reservation stood for.
    async fn give_status(
        &self,
        db: &DatabaseTransaction,
        reservation: &Reservation,
    ) -> Result<tenant::Model, LifecycleError> {
        let is_ours = reservation.lock(db).await.map_err(|error| self.failed(error))?;
        if !is_ours {
            let text = "it was dropped or changed while its migrations ran";
            return Err(self.failed(DbErr::Custom(text.to_owned())));
        }
        let update = tenant::Entity::update_many()
            .col_expr(tenant::Column::Status, Expr::value(self.status.as_str()))
            .col_expr(tenant::Column::Metadata, Expr::value(self.new.metadata.clone()))
            .col_expr(tenant::Column::UpdatedAt, Expr::current_timestamp())
            .filter(tenant::Column::Id.eq(reservation.tenant_id));
        let rows = update.exec_with_returning(db).await;
        let rows = rows.map_err(|error| self.failed(error))?;
        let not_updated = || self.failed(DbErr::RecordNotUpdated);
        let row = rows.into_iter().next().ok_or_else(not_updated)?;
        let remaining = Remaining::of(&self.steps(), HashSet::new());
        self.complete(db, &row, &remaining).await?;
        Ok(row)
    }

    /// Removes what was created, and returns the error. If the answer to COMMIT was lost, the tenant may be complete: then it is
    /// returned.
    async fn undo(
        &self,
        worker: &Worker,
        reservation: &Reservation,
        error: LifecycleError,
    ) -> Result<tenant::Model, LifecycleError> {
        let may_be_complete = matches!(error, LifecycleError::CommitUnknown { .. });
        let (is_removed, error) = self.remove(worker, reservation, error).await;
        if is_removed || !may_be_complete {
            return Err(error);
        }
        let row = tenant::Entity::find_by_id(reservation.tenant_id)
            .one(&self.db)
            .await;
        match row {
            Ok(Some(row)) if row.status == self.status.as_str() => Ok(row),
            _ => Err(error),
        }
    }

    /// Removes what was created, and says so. What cannot be removed is not served, and is removed by the next creation of the
    /// tenant.
    async fn remove(
        &self,
        worker: &Worker,
        reservation: &Reservation,
        error: LifecycleError,
    ) -> (bool, LifecycleError) {
        let removed = match reservation.remove(&worker.db).await {
            // The session was lost.
            Err(_) => self.remove_in_another_session(reservation).await,
            Ok(is_removed) => Ok(is_removed),
        };
        match (removed, error) {
            (Ok(true), LifecycleError::CommitUnknown { schema, source }) => {
                (true, LifecycleError::of(&schema, source))
            }
            (Ok(is_removed), error) => (is_removed, error),
            (Err(left), error) => {
                tracing::warn!(
                    schema = %self.schema(), error = %left,
                    "what was created of a tenant is left, with the status `provisioning`"
                );
                (false, error)
            }
        }
    }

    async fn remove_in_another_session(&self, reservation: &Reservation) -> Result<bool, LifecycleError> {
        let worker = self.connect_locked().await?;
        let removed = reservation.remove(&worker.db).await;
        let _ = worker.db.close().await;
        removed.map_err(|error| self.not_migrated(error))
    }
}

//! Claiming a pending schema, in the transaction that creates the tenant.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, sea_query::Expr,
};
use tenant_core::{SchemaName, TenantStatus, catalog::tenant};

use crate::{
    define::{SchemaRef, Step, schema_of},
    lifecycle::{
        create::creation::Creation,
        error::LifecycleError,
        name_availability::NameClaim,
        pool::{lock_one, ready},
        rename_schema::replace_function_search_paths,
    },
    plan::SchemaError,
    schema::{SchemaSession, lock, roles},
};

impl Creation {
    /// Claims a pending schema for the tenant, if there is one with exactly the migrations of this program, and returns its row.
    /// The schema, its row, its functions and its role get the tenant's name.
    pub(in crate::lifecycle) async fn claim(
        &self,
        db: &DatabaseTransaction,
    ) -> Result<Option<tenant::Model>, LifecycleError> {
        let Some((id, old)) = self.find_pending(db).await? else {
            return Ok(None);
        };
        let row = self.assign_row(db, id).await?;
        self.insert_domain(db, row.id)
            .await
            .map_err(|error| self.failed(error))?;
        let claim = NameClaim {
            schema: Some(&old),
            tenant_id: Some(row.id),
            reuses_name: self.new.reuses_name,
        };
        self.check_name(db, claim).await?;
        self.rename(db, &old).await.map_err(|error| self.failed(error))?;
        self.seed(db, &row).await?;
        self.set_search_path_of_seeded(db)
            .await
            .map_err(|error| self.failed(error))?;
        self.grant_role(db, &old).await?;
        tracing::debug!(schema = %self.new.schema, pending = %old, "claimed a pending schema");
        Ok(Some(row))
    }

    /// Returns the first claimable pending schema. It tries a few of them, so that unusable ones do not delay the tenant.
    async fn find_pending(
        &self,
        db: &DatabaseTransaction,
    ) -> Result<Option<(i64, SchemaName)>, LifecycleError> {
        const MAX_CANDIDATES: usize = 5;
        let mut unusable = Vec::new();
        while unusable.len() < MAX_CANDIDATES {
            let others = tenant::Column::Id.is_not_in(unusable.iter().copied());
            let pending = lock_one(db, ready(&self.migrations, &self.new.kind).filter(others)).await?;
            let Some(pending) = pending else {
                break;
            };
            let schema = schema_of(&pending.schema_name).map_err(|error| self.failed(error))?;
            // A run that is migrating the schema has its lock.
            let is_free = lock::try_acquire(db, &schema).await;
            if is_free.map_err(|error| self.failed(error))? && self.is_current(db, &schema).await? {
                return Ok(Some((pending.id, schema)));
            }
            tracing::warn!(
                %schema,
                "a pending schema is not at the version that the catalog has, or a run migrates it: it stays in the pool"
            );
            unusable.push(pending.id);
        }
        Ok(None)
    }

    async fn is_current(
        &self,
        db: &DatabaseTransaction,
        pending: &SchemaName,
    ) -> Result<bool, LifecycleError> {
        let schema_ref = SchemaRef {
            schema: pending,
            kind: Some(&self.new.kind),
        };
        let names = schema_ref.set(&self.migrations).names();
        let steps: Vec<_> = names.cloned().map(Step::Up).collect();
        let schema_session = SchemaSession::new(db, &self.migrations, schema_ref);
        schema_session.enter().await.map_err(|error| self.failed(error))?;
        match schema_session.check(&steps, &[]).await {
            Ok(remaining) => Ok(remaining.steps.is_empty() && remaining.applied.len() == steps.len()),
            Err(SchemaError::NoSchema) => Ok(false),
            Err(error) => Err(self.not_migrated(error)),
        }
    }

    /// Makes the row the tenant's, as if it had been inserted now.
    async fn assign_row(&self, db: &DatabaseTransaction, id: i64) -> Result<tenant::Model, LifecycleError> {
        let update = tenant::Entity::update_many()
            .col_expr(tenant::Column::SchemaName, Expr::value(self.new.schema.as_str()))
            .col_expr(tenant::Column::Name, Expr::value(self.new.name.as_str()))
            .col_expr(tenant::Column::Metadata, Expr::value(self.new.metadata.clone()))
            .col_expr(tenant::Column::Status, Expr::value(TenantStatus::Active.as_str()))
            .col_expr(tenant::Column::CreatedAt, Expr::current_timestamp())
            .col_expr(tenant::Column::UpdatedAt, Expr::current_timestamp())
            .filter(tenant::Column::Id.eq(id));
        let rows = update.exec_with_returning(db).await;
        let rows = rows.map_err(|error| self.failed(error))?;
        let not_updated = || self.failed(DbErr::RecordNotUpdated);
        rows.into_iter().next().ok_or_else(not_updated)
    }

    async fn rename(&self, db: &DatabaseTransaction, old: &SchemaName) -> Result<(), DbErr> {
        let new = &self.new.schema;
        let alter = format!("ALTER SCHEMA {} RENAME TO {}", old.quoted(), new.quoted());
        db.execute_unprepared(&alter).await?;
        replace_function_search_paths(db, old, new).await?;
        Ok(())
    }

    /// Sets the `search_path` of functions that the seed hook created. Those of migrations already have one.
    async fn set_search_path_of_seeded(&self, db: &DatabaseTransaction) -> Result<(), DbErr> {
        let set_path = self.migrations.function_search_path(&self.new.schema);
        if let (Some(set_path), true) = (set_path, self.migrations.hooks().is_some()) {
            db.execute_unprepared(&set_path).await?;
        }
        Ok(())
    }

    /// Creates the tenant's role. A pending schema has none, unless somebody granted it one.
    async fn grant_role(&self, db: &DatabaseTransaction, old: &SchemaName) -> Result<(), LifecycleError> {
        let granted = roles::rename(db, &self.migrations, old, &self.new.schema).await;
        granted.map_err(|error| self.not_migrated(error.into()))
    }
}

//! [`update_tenant`]: changes the name, the metadata and the kind of a tenant.

use sea_orm::{
    ColumnTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, sea_query::Expr,
};
use serde_json::Value;
use tenant_core::{SchemaName, TenantStatus, catalog::tenant};

use crate::{
    define::{Hook, Migrations, SchemaRef, Step, schema_of},
    lifecycle::{
        error::{LifecycleError, run_detached},
        lookup,
    },
    plan::{DEFAULT_ATTEMPTS, DEFAULT_LOCK_TIMEOUT, Remaining, SchemaError},
    run::retry,
    schema::{SchemaSession, dirty, lock},
};

/// Changes of a tenant, for [`update_tenant`]. Values that are not set stay as they are.
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use = "changes do nothing until a tenant is updated with them"]
pub struct TenantChanges {
    name: Option<String>,
    metadata: Option<Value>,
    kind: Option<String>,
}

impl TenantChanges {
    /// Sets the customer's name, which people read.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Replaces the metadata, which belongs to the application.
    pub fn metadata(mut self, metadata: Value) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// Sets the kind. If tenants of the new kind have other migrations, the pending ones run.
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }
}

/// Changes the name, the metadata and the kind of a tenant. Its schema and its domains stay as they are.
///
/// A tenant with a new kind gets all migrations of that kind in the same transaction, with hooks, but without seed. Change no
/// kinds while other migrations run: a run that was planned before the change applies the migrations of the old kind.
///
/// Other processes that cache the tenant's host see the change after their
/// [`host_cache_ttl`](tenant_core::TenantsBuilder::host_cache_ttl).
///
/// # Errors
/// [`LifecycleError`] if there is no such tenant or a query failed. The kind is not changed, either, if the schema has
/// migrations that the new kind does not have, a migration failed or cannot run in a transaction, or the tenant is being
/// created or dropped. Nothing is changed then.
///
/// # Example
/// ```no_run
/// # async fn example(tenants: tenant_core::Tenants, migrations: tenant_migration::Migrations)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// use tenant_core::SchemaName;
/// use tenant_migration::{TenantChanges, update_tenant};
///
/// let changes = TenantChanges::default().name("Acme Ltd.").kind("enterprise");
/// update_tenant(tenants.shared_connection(), &migrations, &SchemaName::new("acme")?, &changes).await?;
/// # Ok(())
/// # }
/// ```
pub async fn update_tenant(
    db: &DatabaseConnection,
    migrations: &Migrations,
    schema: &SchemaName,
    changes: &TenantChanges,
) -> Result<(), LifecycleError> {
    let update = Update {
        db: db.clone(),
        migrations: migrations.clone(),
        schema: schema.clone(),
        changes: changes.clone(),
    };
    let work = async move { retry::with_retry(&update.schema, DEFAULT_ATTEMPTS, || update.run()).await };
    run_detached(schema, Box::pin(work)).await
}

struct Update {
    db: DatabaseConnection,
    migrations: Migrations,
    schema: SchemaName,
    changes: TenantChanges,
}

impl Update {
    async fn run(&self) -> Result<(), LifecycleError> {
        let transaction = match self.changes.kind {
            Some(_) => lock::begin_locked(&self.db, &self.schema).await?,
            None => lookup::begin(&self.db).await?,
        };
        lookup::set_lock_timeout(&transaction, DEFAULT_LOCK_TIMEOUT).await?;
        let row = lookup::lock(&transaction, &self.schema).await?;
        self.write(&transaction, &row).await?;
        if let Some(kind) = self.changes.kind.as_deref().filter(|kind| *kind != row.kind) {
            self.change_kind(&transaction, &row, kind).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn write(&self, db: &DatabaseTransaction, row: &tenant::Model) -> Result<(), DbErr> {
        let changes = &self.changes;
        let mut update = tenant::Entity::update_many()
            .col_expr(tenant::Column::UpdatedAt, Expr::current_timestamp())
            .filter(tenant::Column::Id.eq(row.id));
        if let Some(name) = &changes.name {
            update = update.col_expr(tenant::Column::Name, Expr::value(name));
        }
        if let Some(metadata) = &changes.metadata {
            update = update.col_expr(tenant::Column::Metadata, Expr::value(metadata.clone()));
        }
        if let Some(kind) = &changes.kind {
            update = update.col_expr(tenant::Column::Kind, Expr::value(kind));
        }
        update.exec(db).await?;
        Ok(())
    }

    /// Gives the schema the migrations of the new kind. The public tenant has none.
    async fn change_kind(
        &self,
        db: &DatabaseTransaction,
        row: &tenant::Model,
        kind: &str,
    ) -> Result<(), LifecycleError> {
        let status = lookup::status(row)?;
        if matches!(status, TenantStatus::Provisioning | TenantStatus::Dropping) {
            return Err(LifecycleError::WrongStatus {
                schema: self.schema.clone(),
                status,
                hint: "its kind cannot be changed",
            });
        }
        if self.schema.is_shared() {
            return Ok(());
        }
        let schema = schema_of(&row.schema_name)?;
        let schema_ref = SchemaRef {
            schema: &schema,
            kind: Some(kind),
        };
        self.require_one_ledger(row, schema_ref)?;
        let session = SchemaSession::new(db, &self.migrations, schema_ref);
        let not_changed = |source| LifecycleError::KindNotChanged {
            schema: schema.clone(),
            kind: kind.to_owned(),
            source: Box::new(source),
        };
        let remaining = self.check(db, &session, schema_ref).await.map_err(not_changed)?;
        self.require_known(schema_ref, kind, &remaining)?;
        apply(&session, &remaining).await.map_err(not_changed)
    }

    /// Refuses kinds whose migrations are recorded in tables of different names.
    fn require_one_ledger(&self, row: &tenant::Model, new: SchemaRef<'_>) -> Result<(), LifecycleError> {
        let (old, new) = (self.migrations.of_kind(&row.kind), new.set(&self.migrations));
        if old.ledger() == new.ledger() {
            return Ok(());
        }
        let error = format!(
            "the kinds record their migrations in different tables, {} and {}",
            old.ledger(),
            new.ledger()
        );
        Err(DbErr::Custom(error).into())
    }

    /// Returns the migrations of the new kind that the schema lacks.
    async fn check(
        &self,
        db: &DatabaseTransaction,
        session: &SchemaSession<'_, DatabaseTransaction>,
        schema_ref: SchemaRef<'_>,
    ) -> Result<Remaining, SchemaError> {
        let set = schema_ref.set(&self.migrations);
        let steps: Vec<_> = set.names().cloned().map(Step::Up).collect();
        session.enter().await?;
        let remaining = session.check(&steps, &[]).await?;
        if let Some(step) = dirty::find(db, schema_ref.ledger(&self.migrations)).await? {
            return Err(SchemaError::Unfinished { step });
        }
        let needs_own_transaction =
            |step: &&Step| matches!(step, Step::Up(name) if !set.is_transactional(name));
        match remaining.steps.iter().find(needs_own_transaction) {
            Some(step) => Err(SchemaError::NotTransactional { step: step.clone() }),
            None => Ok(remaining),
        }
    }

    /// Refuses a schema with migrations that tenants of the new kind do not have.
    fn require_known(
        &self,
        schema_ref: SchemaRef<'_>,
        kind: &str,
        remaining: &Remaining,
    ) -> Result<(), LifecycleError> {
        let set = schema_ref.set(&self.migrations);
        let applied = remaining.applied.iter();
        let mut names: Vec<_> = applied.filter(|name| set.get(name).is_none()).cloned().collect();
        if names.is_empty() {
            return Ok(());
        }
        names.sort_unstable();
        Err(LifecycleError::UnknownToKind {
            schema: schema_ref.schema.clone(),
            kind: kind.to_owned(),
            names,
        })
    }
}

async fn apply(
    session: &SchemaSession<'_, DatabaseTransaction>,
    remaining: &Remaining,
) -> Result<(), SchemaError> {
    let steps = &remaining.steps;
    if !steps.is_empty() {
        session.ensure_ledger(steps).await?;
        session.call_hook(Hook::Before, steps).await?;
        for step in steps {
            session.apply(step).await?;
        }
        session.call_hook(Hook::After, steps).await?;
    }
    // The version is the last migration of the new kind, even if none was pending.
    session.record_state(remaining).await?;
    Ok(session.grant().await?)
}

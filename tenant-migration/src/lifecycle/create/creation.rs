//! [`Creation`]: the transaction that creates a tenant.

use std::sync::Weak;

use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait,
    IsolationLevel, TransactionTrait,
};
use tenant_core::{
    SchemaName, Tenant, TenantId, TenantStatus,
    catalog::{domain, tenant},
};

use crate::{
    database::{broken_key, ends_the_session, is_uncommitted_enum_value, is_without_catalog, sqlstate},
    define::{DOMAIN_KEY, Hook, LookupError, Migrations, SCHEMA_NAME_KEY, SchemaRef, Step},
    lifecycle::{
        catalog_insert,
        create::NewTenant,
        error::LifecycleError,
        name_availability::{self, NameClaim, NameError},
    },
    plan::{Remaining, SchemaError},
    schema::{SchemaSession, find_name},
};

pub(crate) struct Creation {
    pub(crate) db: DatabaseConnection,
    pub(crate) migrations: Migrations,
    pub(crate) new: NewTenant,
    /// Status of the created tenant.
    pub(crate) status: TenantStatus,
    /// The caller's future holds the strong reference. If it is gone, the creation is rolled back.
    pub(crate) awaited: Weak<()>,
}

impl Creation {
    pub(super) fn schema(&self) -> &SchemaName {
        &self.new.schema
    }

    pub(crate) async fn run(self) -> Result<Tenant, LifecycleError> {
        let isolation = Some(IsolationLevel::ReadCommitted);
        let transaction = self.db.begin_with_config(isolation, None).await;
        let transaction = transaction.map_err(|error| self.failed(error))?;
        let created = match self.create(&transaction).await {
            Ok(Some(row)) => return self.commit(transaction, row).await,
            created => created,
        };
        // If the rollback fails, the connection is lost, and the transaction with it.
        let _ = transaction.rollback().await;
        match created {
            Err(error) if !self.is_left_over(&error).await => Err(error),
            _ => Box::pin(self.run_in_stages()).await,
        }
    }

    /// Commits the transaction, and returns the tenant.
    pub(crate) async fn commit(
        self,
        transaction: DatabaseTransaction,
        row: tenant::Model,
    ) -> Result<Tenant, LifecycleError> {
        self.commit_transaction(transaction).await?;
        Ok(self.tenant(row))
    }

    pub(super) async fn commit_transaction(
        &self,
        transaction: DatabaseTransaction,
    ) -> Result<(), LifecycleError> {
        match transaction.commit().await {
            Ok(()) => Ok(()),
            Err(error) if sqlstate(&error).is_some() && !ends_the_session(&error) => Err(self.failed(error)),
            Err(source) => Err(LifecycleError::CommitUnknown {
                schema: self.schema().clone(),
                source,
            }),
        }
    }

    /// Creates the tenant in one transaction. Returns `None` if its migrations need several.
    async fn create(&self, db: &DatabaseTransaction) -> Result<Option<tenant::Model>, LifecycleError> {
        let row = match self.claim_from_pool(db).await? {
            Some(row) => row,
            None if !self.is_transactional() => return Ok(None),
            None => match self.create_new(db).await {
                Err(error) if uses_uncommitted_enum_value(&error) => return Ok(None),
                created => created?,
            },
        };
        self.check_awaited()?;
        Ok(Some(row))
    }

    fn is_transactional(&self) -> bool {
        let set = self.migrations.of_kind(&self.new.kind);
        self.schema().is_shared() || set.names().all(|name| set.is_transactional(name))
    }

    async fn claim_from_pool(
        &self,
        db: &DatabaseTransaction,
    ) -> Result<Option<tenant::Model>, LifecycleError> {
        if self.schema().is_shared() || self.is_pending() {
            return Ok(None);
        }
        self.claim(db).await
    }

    async fn create_new(&self, db: &DatabaseTransaction) -> Result<tenant::Model, LifecycleError> {
        let row = self.insert(db).await?;
        if !self.schema().is_shared() {
            self.migrate(db, &row).await?;
        }
        Ok(row)
    }

    /// Refuses a pending schema with its own name in an object: the name would be wrong after the schema is renamed.
    async fn require_no_self_reference(&self, db: &DatabaseTransaction) -> Result<(), LifecycleError> {
        let found = find_name(db, &self.migrations, &self.new.schema).await;
        match found.map_err(|error| self.failed(error))? {
            None => Ok(()),
            Some(object) => Err(self.not_migrated(SchemaError::NamesItself { object })),
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        self.status == TenantStatus::Pending
    }

    /// Inserts the row and the domain, and creates the schema without tables.
    pub(crate) async fn insert(&self, db: &DatabaseTransaction) -> Result<tenant::Model, LifecycleError> {
        let row = self.insert_row(db, self.status).await?;
        if !self.schema().is_shared() {
            self.create_schema(db).await?;
        }
        Ok(row)
    }

    /// Inserts the row and the domain.
    pub(super) async fn insert_row(
        &self,
        db: &DatabaseTransaction,
        status: TenantStatus,
    ) -> Result<tenant::Model, LifecycleError> {
        let row = self.insert_tenant(db, status).await?;
        self.insert_domain(db, row.id)
            .await
            .map_err(|error| self.failed(error))?;
        if !self.schema().is_shared() {
            let claim = NameClaim {
                reuses_name: self.new.reuses_name,
                ..NameClaim::default()
            };
            self.check_name(db, claim).await?;
        }
        Ok(row)
    }

    async fn insert_tenant(
        &self,
        db: &DatabaseTransaction,
        status: TenantStatus,
    ) -> Result<tenant::Model, LifecycleError> {
        let row = catalog_insert::row(&self.new, status);
        let inserted = tenant::Entity::insert(row).exec_with_returning(db).await;
        inserted.map_err(|error| self.not_inserted(error))
    }

    pub(crate) fn not_inserted(&self, error: DbErr) -> LifecycleError {
        match is_without_catalog(&error) {
            true => LookupError::NoCatalog.into(),
            false => self.failed(error),
        }
    }

    pub(crate) async fn insert_domain(&self, db: &DatabaseTransaction, tenant_id: i64) -> Result<(), DbErr> {
        let Some(domain) = &self.new.domain else {
            return Ok(());
        };
        let row = domain::ActiveModel {
            tenant_id: Set(tenant_id),
            domain: Set(domain.to_string()),
            is_primary: Set(true),
            ..Default::default()
        };
        domain::Entity::insert(row).exec_without_returning(db).await?;
        Ok(())
    }

    pub(crate) async fn check_name(
        &self,
        db: &DatabaseTransaction,
        claim: NameClaim<'_>,
    ) -> Result<(), LifecycleError> {
        name_availability::require_available(db, &self.migrations, self.schema(), claim).await
    }

    async fn create_schema(&self, db: &DatabaseTransaction) -> Result<(), LifecycleError> {
        let sql = format!("CREATE SCHEMA {}", self.schema().quoted());
        let created = db.execute_unprepared(&sql).await;
        created.map(|_| ()).map_err(|error| self.failed(error))
    }

    async fn migrate(&self, db: &DatabaseTransaction, row: &tenant::Model) -> Result<(), LifecycleError> {
        let steps = self.steps();
        let schema_session = SchemaSession::new(db, &self.migrations, self.schema_ref());
        schema_session.enter().await.map_err(|error| self.failed(error))?;
        let checked = schema_session.check(&steps, &[]).await;
        let remaining = checked.map_err(|error| self.not_migrated(error))?;
        schema_session
            .ensure_ledger(&steps)
            .await
            .map_err(|error| self.failed(error))?;
        let called = schema_session.call_hook(Hook::Before, &steps).await;
        called.map_err(|error| self.not_migrated(error))?;
        for step in &steps {
            self.check_awaited()?;
            schema_session
                .apply(step)
                .await
                .map_err(|error| self.not_migrated(error))?;
        }
        let called = schema_session.call_hook(Hook::After, &steps).await;
        called.map_err(|error| self.not_migrated(error))?;
        self.complete(db, row, &remaining).await
    }

    /// Does what comes after all migrations: the rows and the role of a tenant, or the check of a pending schema.
    pub(super) async fn complete(
        &self,
        db: &DatabaseTransaction,
        row: &tenant::Model,
        remaining: &Remaining,
    ) -> Result<(), LifecycleError> {
        let schema_session = SchemaSession::new(db, &self.migrations, self.schema_ref());
        if !self.is_pending() {
            self.seed(db, row).await?;
        }
        let finished = schema_session.finish(remaining).await;
        finished.map_err(|error| self.not_migrated(error))?;
        if self.is_pending() {
            return self.require_no_self_reference(db).await;
        }
        let granted = schema_session.grant().await;
        granted.map_err(|error| self.not_migrated(error.into()))
    }

    pub(super) fn schema_ref(&self) -> SchemaRef<'_> {
        SchemaRef {
            schema: self.schema(),
            kind: Some(&self.new.kind),
        }
    }

    /// The migrations of the tenant's kind.
    pub(super) fn steps(&self) -> Vec<Step> {
        let names = self.migrations.of_kind(&self.new.kind).names();
        names.cloned().map(Step::Up).collect()
    }

    /// Calls the seed hook, once in a tenant's life, after all migrations.
    pub(crate) async fn seed(
        &self,
        db: &DatabaseTransaction,
        row: &tenant::Model,
    ) -> Result<(), LifecycleError> {
        let seeded = SchemaSession::new(db, &self.migrations, self.schema_ref())
            .seed(row)
            .await;
        seeded.map_err(|error| self.not_migrated(error))
    }

    pub(crate) fn check_awaited(&self) -> Result<(), LifecycleError> {
        if self.awaited.strong_count() > 0 {
            return Ok(());
        }
        Err(self.not_migrated(SchemaError::Interrupted))
    }

    pub(super) fn tenant(self, row: tenant::Model) -> Tenant {
        let set = self.migrations.of_kind(&row.kind);
        let version = set.newest().filter(|_| !self.new.schema.is_shared());
        let version = version.map(ToString::to_string);
        Tenant::new(TenantId(row.id), self.new.schema, row.name)
            .with_version(version)
            .with_kind(row.kind)
            .with_metadata(row.metadata)
            .with_domain(self.new.domain)
    }

    pub(super) fn taken(&self) -> LifecycleError {
        let schema = self.schema().clone();
        NameError::SchemaTaken { schema }.into()
    }

    /// Converts a database error. A broken unique key means that the schema or the domain is taken: another transaction may
    /// create the same tenant at the same time, and only the database knows which is first.
    pub(crate) fn failed(&self, source: DbErr) -> LifecycleError {
        match (sqlstate(&source), broken_key(&source), &self.new.domain) {
            // If two sessions create the same schema at the same time, one of them breaks the unique index of pg_namespace.
            (_, Some(SCHEMA_NAME_KEY | "pg_namespace_nspname_index"), _) | (Some("42P06"), ..) => {
                self.taken()
            }
            (_, Some(DOMAIN_KEY), Some(domain)) => {
                let domain = domain.into();
                NameError::DomainTaken { domain }.into()
            }
            _ => LifecycleError::of(self.schema(), source),
        }
    }

    pub(crate) fn not_migrated(&self, error: SchemaError) -> LifecycleError {
        match error {
            SchemaError::Database(error) => self.failed(error),
            error => LifecycleError::of(self.schema(), error),
        }
    }
}

/// True if the statement that failed works after a COMMIT.
fn uses_uncommitted_enum_value(error: &LifecycleError) -> bool {
    match error {
        LifecycleError::Schema {
            source: SchemaError::Migration { source, .. } | SchemaError::Hook { source, .. },
            ..
        } => is_uncommitted_enum_value(source),
        _ => false,
    }
}

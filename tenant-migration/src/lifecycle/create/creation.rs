//! [`Creation`]: the transaction that creates a tenant.

use std::sync::{Arc, Weak};

use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait,
    IsolationLevel, TransactionTrait,
};
use tenant_core::{
    SchemaName, Tenant, TenantId, TenantStatus,
    catalog::{domain, tenant},
};

use crate::define::LookupError;
use crate::{
    database::{broken_key, ends_the_session, is_without_catalog, sqlstate},
    define::{DOMAIN_KEY, Hook, Migrations, RoleError, SCHEMA_NAME_KEY, SchemaRef, Step},
    lifecycle::{
        catalog_insert,
        create::{CreateTenantError, NewTenant},
        name_availability::{self, NameClaim, NameError},
    },
    plan::SchemaError,
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
    fn schema(&self) -> &SchemaName {
        &self.new.schema
    }

    pub(crate) fn check_migrations(&self) -> Result<(), CreateTenantError> {
        let set = self.migrations.of_kind(&self.new.kind);
        let is_non_transactional = |name: &&Arc<str>| !set.is_transactional(name);
        match set.names().find(is_non_transactional) {
            Some(migration) if !self.schema().is_shared() => Err(CreateTenantError::NotTransactional {
                schema: self.schema().clone(),
                migration: migration.to_string(),
            }),
            _ => Ok(()),
        }
    }

    pub(crate) async fn run(self) -> Result<Tenant, CreateTenantError> {
        let isolation = Some(IsolationLevel::ReadCommitted);
        let transaction = self.db.begin_with_config(isolation, None).await;
        let transaction = transaction.map_err(|error| self.failed(error))?;
        match self.create(&transaction).await {
            Ok(row) => self.commit(transaction, row).await,
            Err(error) => {
                // If the rollback fails, the connection is lost, and the transaction with it.
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }

    pub(crate) async fn commit(
        self,
        transaction: DatabaseTransaction,
        row: tenant::Model,
    ) -> Result<Tenant, CreateTenantError> {
        match transaction.commit().await {
            Ok(()) => Ok(self.tenant(row)),
            Err(error) if sqlstate(&error).is_some() && !ends_the_session(&error) => Err(self.failed(error)),
            Err(source) => Err(CreateTenantError::CommitUnknown {
                schema: self.new.schema,
                source,
            }),
        }
    }

    async fn create(&self, db: &DatabaseTransaction) -> Result<tenant::Model, CreateTenantError> {
        let row = match self.claim_from_pool(db).await? {
            Some(row) => row,
            None => self.create_new(db).await?,
        };
        self.check_awaited()?;
        Ok(row)
    }

    async fn claim_from_pool(
        &self,
        db: &DatabaseTransaction,
    ) -> Result<Option<tenant::Model>, CreateTenantError> {
        if self.schema().is_shared() || self.is_pending() {
            return Ok(None);
        }
        self.claim(db).await
    }

    async fn create_new(&self, db: &DatabaseTransaction) -> Result<tenant::Model, CreateTenantError> {
        let row = self.insert(db).await?;
        if !self.schema().is_shared() {
            self.migrate(db, &row).await?;
        }
        if self.is_pending() {
            self.require_no_self_reference(db).await?;
        }
        Ok(row)
    }

    /// Refuses a pending schema with its own name in an object: the name would be wrong after the schema is renamed.
    async fn require_no_self_reference(&self, db: &DatabaseTransaction) -> Result<(), CreateTenantError> {
        let found = find_name(db, &self.migrations, &self.new.schema).await;
        match found.map_err(|error| self.failed(error))? {
            None => Ok(()),
            Some(object) => Err(CreateTenantError::NamesItself {
                schema: self.new.schema.clone(),
                kind: self.new.kind.clone(),
                object,
            }),
        }
    }

    fn is_pending(&self) -> bool {
        self.status == TenantStatus::Pending
    }

    /// Inserts the row and the domain, and creates the schema without tables.
    pub(crate) async fn insert(&self, db: &DatabaseTransaction) -> Result<tenant::Model, CreateTenantError> {
        let row = self.insert_tenant(db).await?;
        self.insert_domain(db, row.id)
            .await
            .map_err(|error| self.failed(error))?;
        if !self.schema().is_shared() {
            let claim = NameClaim {
                reuses_name: self.new.reuses_name,
                ..NameClaim::default()
            };
            self.check_name(db, claim).await?;
            self.create_schema(db).await?;
        }
        Ok(row)
    }

    async fn insert_tenant(&self, db: &DatabaseTransaction) -> Result<tenant::Model, CreateTenantError> {
        let row = catalog_insert::row(&self.new, self.status);
        let inserted = tenant::Entity::insert(row).exec_with_returning(db).await;
        inserted.map_err(|error| self.not_inserted(error))
    }

    pub(crate) fn not_inserted(&self, error: DbErr) -> CreateTenantError {
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
    ) -> Result<(), CreateTenantError> {
        let conflict = name_availability::find_conflict(db, &self.migrations, self.schema(), claim).await;
        let conflict = conflict.map_err(|error| self.failed(error))?;
        conflict.map_or(Ok(()), |conflict| Err(conflict.into()))
    }

    async fn create_schema(&self, db: &DatabaseTransaction) -> Result<(), CreateTenantError> {
        let sql = format!("CREATE SCHEMA {}", self.schema().quoted());
        let created = db.execute_unprepared(&sql).await;
        created.map(|_| ()).map_err(|error| self.failed(error))
    }

    async fn migrate(&self, db: &DatabaseTransaction, row: &tenant::Model) -> Result<(), CreateTenantError> {
        let schema_ref = SchemaRef {
            schema: self.schema(),
            kind: Some(&self.new.kind),
        };
        let steps: Vec<_> = schema_ref
            .set(&self.migrations)
            .names()
            .cloned()
            .map(Step::Up)
            .collect();
        let schema_session = SchemaSession::new(db, &self.migrations, schema_ref);
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
        if !self.is_pending() {
            self.seed(db, row).await?;
        }
        let finished = schema_session.finish(&remaining).await;
        finished.map_err(|error| self.failed(error))?;
        if !self.is_pending() {
            schema_session
                .grant()
                .await
                .map_err(|error| self.not_granted(error))?;
        }
        Ok(())
    }

    /// Calls the seed hook, once in a tenant's life, after all migrations.
    pub(crate) async fn seed(
        &self,
        db: &DatabaseTransaction,
        row: &tenant::Model,
    ) -> Result<(), CreateTenantError> {
        let schema_ref = SchemaRef {
            schema: self.schema(),
            kind: Some(&row.kind),
        };
        let seeded = SchemaSession::new(db, &self.migrations, schema_ref)
            .seed(row)
            .await;
        seeded.map_err(|source| CreateTenantError::Seed {
            schema: self.schema().clone(),
            source,
        })
    }

    pub(crate) fn check_awaited(&self) -> Result<(), CreateTenantError> {
        if self.awaited.strong_count() > 0 {
            return Ok(());
        }
        let schema = self.schema().clone();
        Err(CreateTenantError::Interrupted { schema })
    }

    fn tenant(self, row: tenant::Model) -> Tenant {
        let set = self.migrations.of_kind(&row.kind);
        let version = set.newest().filter(|_| !self.new.schema.is_shared());
        let version = version.map(ToString::to_string);
        Tenant::new(TenantId(row.id), self.new.schema, row.name)
            .with_version(version)
            .with_kind(row.kind)
            .with_metadata(row.metadata)
            .with_domain(self.new.domain)
    }

    fn taken(&self) -> CreateTenantError {
        let schema = self.schema().clone();
        NameError::SchemaTaken { schema }.into()
    }

    /// Converts a database error. A broken unique key means that the schema or the domain is taken: another transaction may
    /// create the same tenant at the same time, and only the database knows which is first.
    pub(crate) fn failed(&self, source: DbErr) -> CreateTenantError {
        match (sqlstate(&source), broken_key(&source), &self.new.domain) {
            // If two sessions create the same schema at the same time, one of them breaks the unique index of pg_namespace.
            (_, Some(SCHEMA_NAME_KEY | "pg_namespace_nspname_index"), _) | (Some("42P06"), ..) => {
                self.taken()
            }
            (_, Some(DOMAIN_KEY), Some(domain)) => {
                let domain = domain.into();
                NameError::DomainTaken { domain }.into()
            }
            _ => CreateTenantError::Database {
                schema: self.schema().clone(),
                source,
            },
        }
    }

    pub(crate) fn not_granted(&self, error: RoleError) -> CreateTenantError {
        match error {
            RoleError::Database(error) => self.failed(error),
            source => CreateTenantError::Role {
                schema: self.schema().clone(),
                source,
            },
        }
    }

    pub(crate) fn not_migrated(&self, error: SchemaError) -> CreateTenantError {
        match error {
            SchemaError::Migration {
                step: Step::Up(name) | Step::Down(name) | Step::Fake(name),
                source,
            } => CreateTenantError::Migration {
                schema: self.schema().clone(),
                name: name.to_string(),
                source,
            },
            SchemaError::Database(error) => self.failed(error),
            error => self.failed(DbErr::Custom(error.to_string())),
        }
    }
}

//! [`Reservation`]: the row and the empty schema of an import. The next import finds them if this one is killed.

use std::time::{Duration, Instant};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    QueryFilter, QuerySelect, Statement,
};
use serde_json::{Value, json};
use tenant_core::{
    Host, SchemaName, TenantStatus,
    catalog::{domain, tenant},
};

use crate::define::LookupError;
use crate::lifecycle::NameError;
use crate::{
    define::Migrations,
    lifecycle::{LifecycleError, NameClaim, NewTenant, catalog_insert, lookup, name_availability},
    schema::dependents,
    transfer::{error::ImportError, manifest::Manifest},
};

/// Key of the mark in the metadata of a row that is being imported.
const MARK: &str = "tenant_migration_import";
/// Time that terminated sessions may take to end: 10 s.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A row with the status `provisioning`, which is not served, and an empty schema. One transaction creates both.
///
/// The row's metadata has the `oid` of the created schema, which no other schema has. So only an import's own row and schema are
/// removed after a failure or by the next import: no schema that a person created, and no row that is complete or has another
/// status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reservation {
    pub(super) tenant_id: i64,
    schema: SchemaName,
    /// The schema's `oid`.
    schema_oid: i64,
    /// Random part of the application name of the sessions that fill the schema.
    token: String,
}

impl Reservation {
    /// Creates the row and the schema.
    ///
    /// # Errors
    /// [`ImportError`] if the schema's name or a domain is taken, or a query failed.
    pub(super) async fn create(
        db: &DatabaseConnection,
        migrations: &Migrations,
        manifest: &Manifest,
        reuses_name: bool,
    ) -> Result<Self, ImportError> {
        let transaction = lookup::begin(db).await?;
        let new = NewTenant::new(manifest.schema.clone(), &manifest.name).kind(&manifest.kind);
        let row = catalog_insert::insert_tenant(&transaction, &new, TenantStatus::Provisioning).await?;
        let claim = NameClaim {
            reuses_name,
            ..NameClaim::default()
        };
        let schema = &manifest.schema;
        if let Some(conflict) =
            name_availability::find_conflict(&transaction, migrations, schema, claim).await?
        {
            return Err(LifecycleError::from(conflict).into());
        }
        require_free(&transaction, manifest).await?;
        let create = format!("CREATE SCHEMA {}", manifest.schema.quoted());
        transaction.execute_unprepared(&create).await?;
        let reservation = Self {
            tenant_id: row.id,
            schema: manifest.schema.clone(),
            schema_oid: schema_oid(&transaction, &manifest.schema)
                .await?
                .unwrap_or_default(),
            token: format!("{:016x}", fastrand::u64(..)),
        };
        reservation.mark(&transaction).await?;
        if let Err(error) = transaction.commit().await {
            // The transaction may have been committed in spite of the error.
            reservation.remove(db).await?;
            return Err(error.into());
        }
        Ok(reservation)
    }

    async fn mark(&self, db: &DatabaseTransaction) -> Result<(), DbErr> {
        let mark = json!({ MARK: { "token": self.token, "schema_oid": self.schema_oid } });
        let sql = "UPDATE public.tenants SET metadata = $2, updated_at = now() WHERE id = $1";
        let values = [self.tenant_id.into(), mark.into()];
        db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values))
            .await?;
        Ok(())
    }

    /// Finds the reservation of a killed import. The caller has the lock of the schema, so no import of it is running.
    pub(super) async fn find(
        db: &impl ConnectionTrait,
        schema: &SchemaName,
    ) -> Result<Option<Self>, ImportError> {
        match lookup::find(db, schema).await {
            Ok(row) => Ok(Self::from_row(&row)),
            Err(LifecycleError::Lookup(LookupError::NoSuchTenant { .. })) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn from_row(row: &tenant::Model) -> Option<Self> {
        let mark = row.metadata.get(MARK)?;
        let is_provisioning = row.status == TenantStatus::Provisioning.as_str();
        is_provisioning.then_some(Self {
            tenant_id: row.id,
            schema: SchemaName::for_tenant(&row.schema_name).ok()?,
            schema_oid: mark.get("schema_oid").and_then(Value::as_i64)?,
            token: mark.get("token").and_then(Value::as_str)?.to_owned(),
        })
    }

    /// Returns the application name of the sessions that fill the schema. It has at most 63 bytes, PostgreSQL's limit.
    pub(super) fn application_name(&self) -> String {
        format!("tenant import {}", self.token)
    }

    /// Locks the row. Returns true if the row and the schema are still the reservation's.
    pub(super) async fn lock(&self, db: &DatabaseTransaction) -> Result<bool, DbErr> {
        Ok(self.lock_row(db).await? && self.has_schema(db).await?)
    }

    async fn lock_row(&self, db: &DatabaseTransaction) -> Result<bool, DbErr> {
        let row = tenant::Entity::find_by_id(self.tenant_id)
            .lock_exclusive()
            .one(db)
            .await?;
        Ok(row.as_ref().and_then(Self::from_row).as_ref() == Some(self))
    }

    async fn has_schema(&self, db: &DatabaseTransaction) -> Result<bool, DbErr> {
        Ok(schema_oid(db, &self.schema).await? == Some(self.schema_oid))
    }

    /// Ends the sessions that fill the schema, and removes the schema and the row. Returns `false` if the row is no longer the
    /// reservation's, such as a complete tenant's.
    pub(super) async fn remove(&self, db: &DatabaseConnection) -> Result<bool, DbErr> {
        self.end_sessions(db).await?;
        let transaction = lookup::begin(db).await?;
        if !self.lock_row(&transaction).await? {
            transaction.rollback().await?;
            return Ok(false);
        }
        if self.has_schema(&transaction).await? {
            let needed_by = dependents::find_outside(&transaction, &self.schema).await?;
            if !needed_by.is_empty() {
                let needed_by = needed_by.join(", ");
                return Err(DbErr::Custom(format!(
                    "objects outside of its schema depend on it and would be dropped with it: {needed_by}"
                )));
            }
            let drop = format!("DROP SCHEMA {} CASCADE", self.schema.quoted());
            transaction.execute_unprepared(&drop).await?;
        }
        tenant::Entity::delete_by_id(self.tenant_id)
            .exec(&transaction)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Ends the sessions of `pg_restore`. They may go on after it was killed, or after the program that started it was killed.
    async fn end_sessions(&self, db: &DatabaseConnection) -> Result<(), DbErr> {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
            WHERE application_name = $1 AND datname = current_database() AND pid <> pg_backend_pid()";
        let begun = Instant::now();
        loop {
            let values = [self.application_name().into()];
            let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
            if db.query_all_raw(statement).await?.is_empty() {
                return Ok(());
            }
            if begun.elapsed() > TIMEOUT {
                let name = self.application_name();
                let seconds = TIMEOUT.as_secs();
                return Err(DbErr::Custom(format!(
                    "the session {name:?} did not end within {seconds} s"
                )));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Refuses domains of other tenants before anything is created. Another tenant may still take a domain later, which the unique
/// key then refuses.
async fn require_free(db: &DatabaseTransaction, manifest: &Manifest) -> Result<(), ImportError> {
    let hosts = manifest.domains.iter().map(Host::as_str);
    let taken = domain::Entity::find()
        .filter(domain::Column::Domain.is_in(hosts))
        .one(db)
        .await?;
    let Some(taken) = taken else {
        return Ok(());
    };
    let mut hosts = manifest.domains.iter();
    match hosts.find(|host| host.as_str() == taken.domain) {
        Some(domain) => {
            let domain = domain.clone();
            Err(LifecycleError::from(NameError::DomainTaken { domain }).into())
        }
        None => Ok(()),
    }
}

/// Returns the `oid` of a schema.
async fn schema_oid(db: &DatabaseTransaction, schema: &SchemaName) -> Result<Option<i64>, DbErr> {
    let sql = "SELECT oid::int8 AS oid FROM pg_catalog.pg_namespace WHERE nspname = $1";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [schema.as_str().into()]);
    let row = db.query_one_raw(statement).await?;
    row.map(|row| row.try_get("", "oid")).transpose()
}

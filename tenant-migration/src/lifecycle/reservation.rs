//! [`Reservation`]: the row and the schema of a tenant that is created in several transactions. If the program is killed, the
//! next creation or import of the tenant finds them.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, QuerySelect};
use serde_json::{Value, json};
use tenant_core::{SchemaName, TenantStatus, catalog::tenant};

use crate::{
    database::{execute, rows, scalar},
    define::LookupError,
    lifecycle::{LifecycleError, lookup},
    plan::SchemaError,
    schema::dependents,
};

/// Key of the mark in the metadata of a row that is not complete.
const MARK: &str = "tenant_migration_provisioning";
/// Time that terminated sessions may take to end: 10 s.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A row with the status `provisioning`, which is not served, and its schema. One transaction creates both. Whoever fills the
/// schema holds its lock in a session, so a reservation whose lock is free is left from a program that was killed.
///
/// The row's metadata has the `oid` of the created schema, which no other schema has. So only a reservation's own row and schema
/// are removed: no schema that a person created, and no row that is complete or has another status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reservation {
    pub(crate) tenant_id: i64,
    schema: SchemaName,
    /// The schema's `oid`.
    schema_oid: i64,
    /// Random part of the application name of the sessions of `pg_restore`.
    token: String,
}

impl Reservation {
    /// Creates the schema of a row that was just inserted, and marks the row. The caller's transaction has the row.
    pub(crate) async fn create(
        db: &DatabaseTransaction,
        tenant_id: i64,
        schema: &SchemaName,
    ) -> Result<Self, DbErr> {
        db.execute_unprepared(&format!("CREATE SCHEMA {}", schema.quoted()))
            .await?;
        let reservation = Self {
            tenant_id,
            schema: schema.clone(),
            schema_oid: schema_oid(db, schema).await?.unwrap_or_default(),
            token: format!("{:016x}", fastrand::u64(..)),
        };
        reservation.mark(db).await?;
        Ok(reservation)
    }

    async fn mark(&self, db: &DatabaseTransaction) -> Result<(), DbErr> {
        let mark = json!({ MARK: { "token": self.token, "schema_oid": self.schema_oid } });
        let sql = "UPDATE public.tenants SET metadata = $2, updated_at = now() WHERE id = $1";
        execute(db, sql, [self.tenant_id.into(), mark.into()]).await
    }

    /// Finds the reservation of a creation or an import that was killed. The caller has the lock of the schema, so none is
    /// running.
    pub(crate) async fn find(
        db: &impl ConnectionTrait,
        schema: &SchemaName,
    ) -> Result<Option<Self>, LifecycleError> {
        match lookup::find(db, schema).await {
            Ok(row) => Ok(Self::from_row(&row)),
            Err(LifecycleError::Lookup(LookupError::NoSuchTenant { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the reservation of a row, if it has the mark of one.
    pub(crate) fn from_row(row: &tenant::Model) -> Option<Self> {
        let mark = row.metadata.get(MARK)?;
        let is_provisioning = row.status == TenantStatus::Provisioning.as_str();
        is_provisioning.then_some(Self {
            tenant_id: row.id,
            schema: SchemaName::for_tenant(&row.schema_name).ok()?,
            schema_oid: mark.get("schema_oid").and_then(Value::as_i64)?,
            token: mark.get("token").and_then(Value::as_str)?.to_owned(),
        })
    }

    pub(crate) fn schema(&self) -> &SchemaName {
        &self.schema
    }

    /// Returns the application name of the sessions of `pg_restore`. It has at most 63 bytes, PostgreSQL's limit.
    pub(crate) fn application_name(&self) -> String {
        format!("tenant import {}", self.token)
    }

    /// Locks the row. Returns true if the row and the schema are still the reservation's.
    pub(crate) async fn lock(&self, db: &DatabaseTransaction) -> Result<bool, DbErr> {
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

    /// Ends the sessions of `pg_restore`, and removes the schema and the row. Returns `false` if the row is no longer the
    /// reservation's, such as a complete tenant's.
    pub(crate) async fn remove(&self, db: &DatabaseConnection) -> Result<bool, SchemaError> {
        self.end_sessions(db).await?;
        let transaction = lookup::begin(db).await?;
        let is_removed = self.remove_in(&transaction).await?;
        transaction.commit().await?;
        Ok(is_removed)
    }

    /// Does the same in a transaction of the caller's, and ends no sessions.
    pub(crate) async fn remove_in(&self, db: &DatabaseTransaction) -> Result<bool, SchemaError> {
        if !self.lock_row(db).await? {
            return Ok(false);
        }
        if self.has_schema(db).await? {
            dependents::require_none(db, &self.schema).await?;
            let drop = format!("DROP SCHEMA {} CASCADE", self.schema.quoted());
            db.execute_unprepared(&drop).await?;
        }
        tenant::Entity::delete_by_id(self.tenant_id).exec(db).await?;
        Ok(true)
    }

    /// Ends the sessions of `pg_restore`. They may go on after it was killed, or after the program that started it was killed.
    async fn end_sessions(&self, db: &DatabaseConnection) -> Result<(), DbErr> {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
            WHERE application_name = $1 AND datname = current_database() AND pid <> pg_backend_pid()";
        let begun = Instant::now();
        loop {
            let sessions = rows(db, sql, [self.application_name().into()]).await?;
            if sessions.is_empty() {
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

/// Returns the `oid` of a schema.
async fn schema_oid(db: &DatabaseTransaction, schema: &SchemaName) -> Result<Option<i64>, DbErr> {
    let sql = "SELECT oid::int8 FROM pg_catalog.pg_namespace WHERE nspname = $1";
    scalar(db, sql, [schema.as_str().into()]).await
}

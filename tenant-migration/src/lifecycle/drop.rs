//! Dropping a tenant: out of service, then its tables in batches, then the rest.

use std::time::Duration;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend,
    DbErr, EntityTrait, QueryFilter, Statement, TransactionTrait,
};
use tenant_core::{
    __private::{ShutDown, detached},
    DEFAULT_HOST_CACHE_TTL, SchemaName, TenantStatus,
    catalog::{dropped_tenant, tenant},
};

use crate::define::LookupError;
use crate::{
    database::{rows, sqlstate, texts},
    define::Migrations,
    lifecycle::{error::LifecycleError, lookup, name_availability::is_called, status},
    plan::{DEFAULT_ATTEMPTS, DEFAULT_LOCK_TIMEOUT},
    run::retry,
    schema::{dependents, lock, roles},
};

/// How a tenant is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing until a tenant is dropped with them"]
pub struct DropOptions {
    drain: Duration,
    batch: u32,
    lock_timeout: Duration,
    attempts: u32,
}

/// How many tables one transaction drops by default. A table takes a lock for itself, its indexes, its sequence and what
/// PostgreSQL stores long values in, so this is some 600 of the 6,400 locks that a server has by default.
pub const DEFAULT_DROP_BATCH: u32 = 100;

impl Default for DropOptions {
    fn default() -> Self {
        Self {
            drain: DEFAULT_HOST_CACHE_TTL,
            batch: DEFAULT_DROP_BATCH,
            lock_timeout: DEFAULT_LOCK_TIMEOUT,
            attempts: DEFAULT_ATTEMPTS,
        }
    }
}

impl DropOptions {
    /// How long after the tenant left service its tables are left alone, [`DEFAULT_HOST_CACHE_TTL`] if it is not called:
    /// so long other processes may still know its host. A tenant that is suspended or archived since then is not waited for.
    pub fn drain(mut self, time: Duration) -> Self {
        self.drain = time;
        self
    }

    /// How many tables one transaction drops, [`DEFAULT_DROP_BATCH`] if it is not called.
    pub fn batch(mut self, tables: u32) -> Self {
        self.batch = tables.max(1);
        self
    }

    /// How long a transaction waits for a lock, [`DEFAULT_LOCK_TIMEOUT`] if it is not called. A foreign key into the shared
    /// schema takes a lock there that readers wait behind. Zero is for ever.
    pub fn lock_timeout(mut self, time: Duration) -> Self {
        self.lock_timeout = time;
        self
    }

    /// How often a transaction is tried, [`DEFAULT_ATTEMPTS`](crate::DEFAULT_ATTEMPTS) if it is not called, where it
    /// failed for a reason that passes.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }
}

/// What dropping a tenant took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// How many tables, views and the like were dropped by name. Some go with others.
    pub objects: usize,
    /// In how many transactions.
    pub transactions: usize,
}

/// Drops a tenant: its schema, its domains, its role, and its row in the catalog. The name of its schema is kept, so that
/// it is not given to another tenant: what still runs for the old one would find the new one's rows.
///
/// 1. The tenant leaves service: its requests get 404.
/// 2. The time of [`DropOptions::drain`] passes.
/// 3. Foreign keys to other schemas go first, one table at a time, since a table that has one is not dropped without a
///    lock on the other table that its readers wait behind.
/// 4. Tables and all else go in batches, since one transaction for all of them takes more locks than a server has.
/// 5. The rest of the schema, the row and the domains go in one transaction, and the role in another.
///
/// Interrupted, it goes on where it is called again. It goes on in the background if its future is dropped.
///
/// # Errors
/// [`LifecycleError`] if there is no such tenant, it is the public one, or something outside of its schema needs what is in
/// it.
pub async fn drop_tenant(
    db: &DatabaseConnection,
    migrations: &Migrations,
    schema: &SchemaName,
    options: &DropOptions,
) -> Result<Dropped, LifecycleError> {
    let work = Dropping {
        db: db.clone(),
        migrations: migrations.clone(),
        schema: schema.clone(),
        options: options.clone(),
        keeps_name: true,
        dropped: Dropped::default(),
    };
    let dropped = detached(work.run()).await;
    dropped.unwrap_or_else(|ShutDown| {
        Err(LifecycleError::Interrupted {
            schema: schema.clone(),
        })
    })
}

pub(super) struct Dropping {
    db: DatabaseConnection,
    migrations: Migrations,
    schema: SchemaName,
    options: DropOptions,
    /// Whether the name is given to nobody else.
    keeps_name: bool,
    dropped: Dropped,
}

impl Dropping {
    /// Of a schema that was made ahead and never was a tenant's. Nothing can still run for it, and its name is random.
    pub(super) fn of_pending(
        db: &DatabaseConnection,
        migrations: &Migrations,
        schema: &SchemaName,
        options: DropOptions,
    ) -> Self {
        Self {
            db: db.clone(),
            migrations: migrations.clone(),
            schema: schema.clone(),
            options: options.drain(Duration::ZERO),
            keeps_name: false,
            dropped: Dropped::default(),
        }
    }

    pub(super) async fn run(mut self) -> Result<Dropped, LifecycleError> {
        match self.leave_service().await {
            Ok(left) => self.drop_all(left).await?,
            Err(error @ LifecycleError::Lookup(LookupError::NoSuchTenant { .. })) => {
                // It may have been interrupted right before its end.
                let gone = find_dropped(&self.db, &self.schema).await?.ok_or(error)?;
                self.schema = lookup::schema_of(&gone.schema_name)?;
            }
            Err(error) => return Err(error),
        }
        self.drop_role().await?;
        Ok(self.dropped)
    }

    async fn drop_all(&mut self, left_service: Duration) -> Result<(), LifecycleError> {
        tokio::time::sleep(self.options.drain.saturating_sub(left_service)).await;
        while self.drop_some(FOREIGN_KEYS, 1).await? {}
        while self.drop_some(OBJECTS, self.options.batch).await? {}
        self.drop_rest().await
    }

    /// How long ago the tenant left service. From now on its schema is called as PostgreSQL has it, whatever the case of what
    /// was asked for: another schema may have that name.
    async fn leave_service(&mut self) -> Result<Duration, LifecycleError> {
        let transaction = self.db.begin().await?;
        let row = lookup::lock_own_schema(&transaction, &self.schema, "to drop").await?;
        self.schema = lookup::schema_of(&row.schema_name)?;
        let is_out = matches!(
            lookup::status(&row)?,
            TenantStatus::Suspended | TenantStatus::Archived | TenantStatus::Dropping
        );
        self.require_unneeded(&transaction).await?;
        let since = seconds_since_change(&transaction, row.id).await?;
        if is_out {
            keep_time_and_drop(&transaction, row.id).await?;
        } else {
            status::set(&transaction, row.id, TenantStatus::Dropping).await?;
        }
        transaction.commit().await?;
        Ok(if is_out { since } else { Duration::ZERO })
    }

    /// One transaction's worth of what `query` finds. `false` if there is nothing more.
    async fn drop_some(&mut self, query: &str, most: u32) -> Result<bool, LifecycleError> {
        let attempts = self.options.attempts;
        let work = || self.try_drop_some(query, most);
        let objects = retry::with_retry(&self.schema, attempts, work).await?;
        self.dropped.objects += objects;
        self.dropped.transactions += usize::from(objects > 0);
        Ok(objects > 0)
    }

    async fn try_drop_some(&self, query: &str, most: u32) -> Result<usize, LifecycleError> {
        let transaction = self.begin().await?;
        self.require_unneeded(&transaction).await?;
        let values = [self.schema.as_str().into(), i64::from(most).into()];
        let commands = texts(&transaction, query, values).await?;
        for command in &commands {
            self.drop_objects(&transaction, command).await?;
        }
        transaction.commit().await?;
        Ok(commands.len())
    }

    /// Drops objects without CASCADE, so that PostgreSQL itself refuses to drop what others depend on. Objects of the schema
    /// may depend on each other, such as a table on a function in a default of its own: they are dropped with CASCADE, if no
    /// object outside of the schema would go with them.
    async fn drop_objects(&self, db: &DatabaseTransaction, command: &str) -> Result<(), LifecycleError> {
        db.execute_unprepared("SAVEPOINT dropping").await?;
        match db.execute_unprepared(command).await {
            Err(error) if sqlstate(&error) == Some(DEPENDENT_OBJECTS_STILL_EXIST) => {
                db.execute_unprepared("ROLLBACK TO SAVEPOINT dropping").await?;
                self.require_unneeded(db).await?;
                db.execute_unprepared(&format!("{command} CASCADE")).await?;
            }
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        db.execute_unprepared("RELEASE SAVEPOINT dropping").await?;
        Ok(())
    }

    /// A transaction that is still about the tenant that is being dropped, and holds its lock.
    async fn begin(&self) -> Result<DatabaseTransaction, LifecycleError> {
        let transaction = lock::begin_locked(&self.db, &self.schema).await?;
        lookup::set_lock_timeout(&transaction, self.options.lock_timeout).await?;
        let row = lookup::lock(&transaction, &self.schema).await?;
        match lookup::status(&row)? {
            TenantStatus::Dropping => Ok(transaction),
            status => Err(LifecycleError::WrongStatus {
                schema: self.schema.clone(),
                status,
                hint: "somebody else changed that while it was being dropped",
            }),
        }
    }

    /// Refuses to drop objects that others depend on.
    async fn require_unneeded(&self, db: &DatabaseTransaction) -> Result<(), LifecycleError> {
        let by = dependents::find_outside(db, &self.schema).await?;
        if by.is_empty() {
            return Ok(());
        }
        Err(LifecycleError::Needed {
            schema: self.schema.clone(),
            by,
        })
    }

    async fn drop_rest(&mut self) -> Result<(), LifecycleError> {
        let transaction = self.begin().await?;
        self.require_unneeded(&transaction).await?;
        let row = lookup::lock(&transaction, &self.schema).await?;
        let drop = format!("DROP SCHEMA IF EXISTS {}", self.schema.quoted());
        self.drop_objects(&transaction, &drop).await?;
        tenant::Entity::delete_by_id(row.id).exec(&transaction).await?;
        if self.keeps_name {
            keep_name(&transaction, row).await?;
        }
        transaction.commit().await?;
        self.dropped.transactions += 1;
        Ok(())
    }

    async fn drop_role(&self) -> Result<(), LifecycleError> {
        if self.migrations.tenant_roles().is_none() {
            return Ok(());
        }
        let transaction = lock::begin_locked(&self.db, &self.schema).await?;
        lookup::set_lock_timeout(&transaction, self.options.lock_timeout).await?;
        // Somebody may have got the name meanwhile, and the role with it.
        if let Err(LifecycleError::Lookup(LookupError::NoSuchTenant { .. })) =
            lookup::find(&transaction, &self.schema).await
        {
            let dropped = roles::drop_role(&transaction, &self.schema).await;
            dropped.map_err(|source| LifecycleError::Role {
                schema: self.schema.clone(),
                source,
            })?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const DEPENDENT_OBJECTS_STILL_EXIST: &str = "2BP01";

async fn keep_name(db: &DatabaseTransaction, row: tenant::Model) -> Result<(), DbErr> {
    let gone = dropped_tenant::ActiveModel {
        tenant_id: Set(row.id),
        schema_name: Set(row.schema_name),
        name: Set(row.name),
        ..Default::default()
    };
    dropped_tenant::Entity::insert(gone)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// A tenant that was dropped and had a schema of this name, whatever its case.
async fn find_dropped(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
) -> Result<Option<dropped_tenant::Model>, DbErr> {
    dropped_tenant::Entity::find()
        .filter(is_called(schema))
        .filter(dropped_tenant::Column::RenamedTo.is_null())
        .one(db)
        .await
}

/// How long ago a tenant's row was changed.
pub(super) async fn seconds_since_change(db: &DatabaseTransaction, id: i64) -> Result<Duration, DbErr> {
    let sql = "SELECT greatest(0, extract(epoch FROM clock_timestamp() - updated_at))::float8
        FROM public.tenants WHERE id = $1";
    let rows = rows(db, sql, [id.into()]).await?;
    let seconds: f64 = rows.first().map_or(Ok(0.0), |row| row.try_get_by_index(0))?;
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// When it left service is not changed.
async fn keep_time_and_drop(db: &DatabaseTransaction, id: i64) -> Result<(), DbErr> {
    let sql = "UPDATE public.tenants SET status = 'dropping' WHERE id = $1";
    db.execute_raw(Statement::from_sql_and_values(
        DbBackend::Postgres,
        sql,
        [id.into()],
    ))
    .await?;
    Ok(())
}

/// What takes the foreign keys from a table that refer to other schemas.
const FOREIGN_KEYS: &str = include_str!("drop_foreign_keys.sql");

/// What drops the objects of a schema, those first that take few others with them: views, then partitions before what
/// they are a part of, then the other tables, then sequences, functions and types. Not those of extensions, which go
/// with the schema.
const OBJECTS: &str = include_str!("drop_objects.sql");

//! [`drop_tenant`]: ends the service, drops tables in batches, then the rest.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
};
use tenant_core::{
    DEFAULT_HOST_CACHE_TTL, SchemaName, TenantStatus,
    catalog::{dropped_tenant, tenant},
};

use crate::{
    database::{connect_another, reason, scalar, sqlstate, texts},
    define::{LookupError, Migrations, is_called, schema_of},
    lifecycle::{
        error::{LifecycleError, run_detached},
        lookup,
        name_availability::retire,
    },
    plan::{DEFAULT_ATTEMPTS, DEFAULT_LOCK_TIMEOUT, SchemaError},
    run::retry,
    schema::{aside, dependents, lock, roles},
};

/// Options of [`drop_tenant`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing until a tenant is dropped with them"]
pub struct DropOptions {
    drain: Duration,
    batch: u32,
    lock_timeout: Duration,
    attempts: u32,
}

/// Default number of tables that one transaction drops. Each table takes locks for itself, its indexes, its sequence and its
/// TOAST table, so 100 tables take some 600 of the 6,400 locks that a server has by default.
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
    /// Sets the time between the end of service and the first dropped table. Default: [`DEFAULT_HOST_CACHE_TTL`], for
    /// which other processes may cache its host. A tenant that has been suspended, in maintenance or archived for this time
    /// is dropped at once. Use zero if no application runs, such as in a test.
    pub fn drain(mut self, time: Duration) -> Self {
        self.drain = time;
        self
    }

    /// Sets the number of tables that one transaction drops. Default: [`DEFAULT_DROP_BATCH`].
    pub fn batch(mut self, tables: u32) -> Self {
        self.batch = tables.max(1);
        self
    }

    /// Sets the time that a transaction waits for a lock. Zero is no limit. Default: [`DEFAULT_LOCK_TIMEOUT`].
    ///
    /// Dropping a foreign key into the shared schema needs a lock there, and readers queue behind that while it waits.
    pub fn lock_timeout(mut self, time: Duration) -> Self {
        self.lock_timeout = time;
        self
    }

    /// Sets the number of attempts for a transaction that fails with a transient error. Default:
    /// [`DEFAULT_ATTEMPTS`](crate::DEFAULT_ATTEMPTS).
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }
}

/// Result of [`drop_tenant`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// Number of tables, views and other objects that were dropped by name. CASCADE drops others with them.
    pub objects: usize,
    /// Number of transactions.
    pub transactions: usize,
}

/// Drops a tenant: its schema, its domains, its role, and its row in the catalog. The name of its schema is retired: work that
/// still runs for the dropped tenant would reach the rows of another tenant with that name.
///
/// 1. The tenant leaves service: its requests get 404.
/// 2. The time of [`DropOptions::drain`] passes.
/// 3. Foreign keys to other schemas are dropped, one table at a time. Dropping one locks the table that it refers to, and
///    readers queue behind that lock, so it must be short.
/// 4. Tables and other objects are dropped in batches. One transaction for all would take more locks than a server has.
/// 5. One transaction drops the rest of the schema, the row and the domains. Another one drops the role, with its large objects.
///
/// Each transaction is committed only if a second session finds that nothing outside of the schema goes with it.
///
/// If it is interrupted, call it again: it goes on. If its future is dropped, it goes on in the background.
///
/// # Errors
/// [`LifecycleError`] if there is no such tenant, it is the public one, an object outside of its schema depends on one in
/// it, or its role owns one outside.
pub async fn drop_tenant(
    db: &DatabaseConnection,
    migrations: &Migrations,
    schema: &SchemaName,
    options: &DropOptions,
) -> Result<Dropped, LifecycleError> {
    drop_observed(db, migrations, schema, options, |_| {}).await
}

/// Does the same as [`drop_tenant`], and calls `on_drain` with the time that it will wait, before it waits.
pub(crate) async fn drop_observed(
    db: &DatabaseConnection,
    migrations: &Migrations,
    schema: &SchemaName,
    options: &DropOptions,
    on_drain: impl Fn(Duration) + Send + Sync + 'static,
) -> Result<Dropped, LifecycleError> {
    let dropping = Dropping::new(db, migrations, schema, options);
    let dropping = Dropping {
        on_drain: Box::new(on_drain),
        ..dropping
    };
    run_detached(schema, Box::pin(dropping.run())).await
}

/// Drops a pending schema. Its name is not retired and it needs no drain, because it never belonged to a tenant.
pub(super) async fn drop_pending(
    db: &DatabaseConnection,
    migrations: &Migrations,
    schema: &SchemaName,
) -> Result<Dropped, LifecycleError> {
    let options = DropOptions::default().drain(Duration::ZERO);
    let dropping = Dropping {
        retires_name: false,
        ..Dropping::new(db, migrations, schema, &options)
    };
    run_detached(schema, Box::pin(dropping.run())).await
}

struct Dropping {
    db: DatabaseConnection,
    migrations: Migrations,
    schema: SchemaName,
    options: DropOptions,
    /// True if no other tenant may get the schema's name.
    retires_name: bool,
    on_drain: Box<dyn Fn(Duration) + Send + Sync>,
    dropped: Dropped,
}

impl Dropping {
    fn new(
        db: &DatabaseConnection,
        migrations: &Migrations,
        schema: &SchemaName,
        options: &DropOptions,
    ) -> Self {
        Self {
            db: db.clone(),
            migrations: migrations.clone(),
            schema: schema.clone(),
            options: options.clone(),
            retires_name: true,
            on_drain: Box::new(|_| {}),
            dropped: Dropped::default(),
        }
    }

    async fn run(mut self) -> Result<Dropped, LifecycleError> {
        match self.leave_service().await {
            Ok(out_of_service) => self.drop_all(out_of_service).await?,
            Err(error @ LifecycleError::Lookup(LookupError::NoSuchTenant { .. })) => {
                // An earlier call may have been interrupted before it dropped the role.
                let dropped = find_dropped(&self.db, &self.schema).await?.ok_or(error)?;
                self.schema = schema_of(&dropped.schema_name)?;
            }
            Err(error) => return Err(error),
        }
        self.drop_role().await?;
        Ok(self.dropped)
    }

    async fn drop_all(&mut self, out_of_service: Duration) -> Result<(), LifecycleError> {
        self.drain(out_of_service).await;
        let observer = connect_another(&self.db).await?;
        let dropped = self.drop_observed_by(&observer).await;
        // The session may be lost already.
        let _ = observer.close().await;
        dropped
    }

    async fn drop_observed_by(&mut self, observer: &DatabaseConnection) -> Result<(), LifecycleError> {
        while self.drop_some(FOREIGN_KEYS, 1, observer).await? {}
        while self.drop_some(OBJECTS, self.options.batch, observer).await? {}
        self.drop_rest(observer).await
    }

    /// Waits until no other process caches the tenant's host.
    async fn drain(&self, out_of_service: Duration) {
        let remaining = self.options.drain.saturating_sub(out_of_service);
        if remaining.is_zero() {
            return;
        }
        tracing::info!(
            schema = %self.schema,
            seconds = remaining.as_secs_f64(),
            "the tenant is out of service, and is dropped when other processes know that"
        );
        (self.on_drain)(remaining);
        tokio::time::sleep(remaining).await;
    }

    /// Ends the service of the tenant, and returns the time since then.
    ///
    /// It replaces the caller's name of the schema by PostgreSQL's, because another schema may have a name that differs only in
    /// case.
    async fn leave_service(&mut self) -> Result<Duration, LifecycleError> {
        let transaction = lookup::begin(&self.db).await?;
        let row = lookup::lock_own_schema(&transaction, &self.schema, "dropping").await?;
        self.schema = schema_of(&row.schema_name)?;
        self.require_no_dependents(&transaction).await?;
        self.require_no_references(&transaction, row.id).await?;
        self.require_no_other_property(&transaction).await?;
        let seconds: Option<f64> = scalar(&transaction, LEAVE_SERVICE, [row.id.into()]).await?;
        transaction.commit().await?;
        Ok(Duration::try_from_secs_f64(seconds.unwrap_or_default()).unwrap_or_default())
    }

    /// Refuses to drop a tenant if rows of other tables refer to its row in the catalog: by trying, without a trace.
    async fn require_no_references(&self, db: &DatabaseTransaction, id: i64) -> Result<(), LifecycleError> {
        let deleted = aside(db, async {
            tenant::Entity::delete_by_id(id).exec(db).await?;
            db.execute_unprepared("SET CONSTRAINTS ALL IMMEDIATE").await
        });
        match deleted.await? {
            Err(error) if sqlstate(&error) == Some(FOREIGN_KEY_VIOLATION) => {
                let rows = format!("rows that refer to its row in public.tenants: {}", reason(&error));
                Err(self.error(SchemaError::Needed { by: vec![rows] }))
            }
            deleted => {
                deleted?;
                Ok(())
            }
        }
    }

    /// Runs up to `limit` commands of `query` in one transaction. Returns `false` if there are none.
    async fn drop_some(
        &mut self,
        query: &str,
        limit: u32,
        observer: &DatabaseConnection,
    ) -> Result<bool, LifecycleError> {
        let attempts = self.options.attempts;
        let attempt = || self.try_drop_some(query, limit, observer);
        let objects = retry::with_retry(&self.schema, attempts, attempt).await?;
        self.dropped.objects += objects;
        self.dropped.transactions += usize::from(objects > 0);
        Ok(objects > 0)
    }

    async fn try_drop_some(
        &self,
        query: &str,
        limit: u32,
        observer: &DatabaseConnection,
    ) -> Result<usize, LifecycleError> {
        let transaction = self.begin().await?;
        let values = [self.schema.as_str().into(), i64::from(limit).into()];
        let commands = texts(&transaction, query, values).await?;
        for command in &commands {
            self.drop_objects(&transaction, command).await?;
        }
        self.require_nothing_else_dropped(observer).await?;
        transaction.commit().await?;
        Ok(commands.len())
    }

    /// Drops objects without CASCADE, so that PostgreSQL refuses to drop an object on which others depend. If it refuses and
    /// all dependents are in the schema, such as a table whose default calls a function, the objects are dropped with CASCADE.
    async fn drop_objects(&self, db: &DatabaseTransaction, command: &str) -> Result<(), LifecycleError> {
        db.execute_unprepared("SAVEPOINT dropping").await?;
        match db.execute_unprepared(command).await {
            Err(error) if sqlstate(&error) == Some(DEPENDENT_OBJECTS_STILL_EXIST) => {
                db.execute_unprepared("ROLLBACK TO SAVEPOINT dropping").await?;
                self.require_no_dependents(db).await?;
                db.execute_unprepared(&format!("{command} CASCADE")).await?;
            }
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        db.execute_unprepared("RELEASE SAVEPOINT dropping").await?;
        Ok(())
    }

    /// Begins a transaction with the tenant's lock, if the tenant still has the status `dropping`.
    async fn begin(&self) -> Result<DatabaseTransaction, LifecycleError> {
        let transaction = lock::begin_locked(&self.db, &self.schema).await?;
        lookup::set_lock_timeout(&transaction, self.options.lock_timeout).await?;
        let row = lookup::lock(&transaction, &self.schema).await?;
        match lookup::status(&row)? {
            TenantStatus::Dropping => Ok(transaction),
            status => Err(LifecycleError::WrongStatus {
                schema: self.schema.clone(),
                status,
                hint: "its status was changed while it was being dropped",
            }),
        }
    }

    /// Refuses a schema that objects outside of it depend on: CASCADE would drop those, too.
    async fn require_no_dependents(&self, db: &DatabaseTransaction) -> Result<(), LifecycleError> {
        let required = dependents::require_none(db, &self.schema).await;
        required.map_err(|error| self.error(error))
    }

    /// Refuses to commit a transaction that dropped an object outside of the schema. Another session may have made a dependent
    /// after the last check, and PostgreSQL drops some of them without CASCADE, such as a partition.
    ///
    /// The observer is a session that does not see the transaction: for it, all that was dropped is there, with the
    /// dependents that PostgreSQL found.
    async fn require_nothing_else_dropped(
        &self,
        observer: &DatabaseConnection,
    ) -> Result<(), LifecycleError> {
        let transaction = lookup::begin(observer).await?;
        self.require_no_dependents(&transaction).await?;
        transaction.rollback().await?;
        Ok(())
    }

    /// Refuses a tenant whose role owns something outside of the schema, which would be dropped with the role.
    async fn require_no_other_property(&self, db: &DatabaseTransaction) -> Result<(), LifecycleError> {
        let required = roles::require_no_other_property(db, &self.migrations, &self.schema).await;
        required.map_err(|error| self.error(error.into()))
    }

    fn error(&self, error: SchemaError) -> LifecycleError {
        LifecycleError::of(&self.schema, error)
    }

    async fn drop_rest(&mut self, observer: &DatabaseConnection) -> Result<(), LifecycleError> {
        let transaction = self.begin().await?;
        let row = lookup::lock(&transaction, &self.schema).await?;
        let drop = format!("DROP SCHEMA IF EXISTS {}", self.schema.quoted());
        self.drop_objects(&transaction, &drop).await?;
        tenant::Entity::delete_by_id(row.id).exec(&transaction).await?;
        if self.retires_name {
            retire(&transaction, &row, None).await?;
        }
        self.require_nothing_else_dropped(observer).await?;
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
        // A new tenant may have the name by now, and the role with it.
        if let Err(LifecycleError::Lookup(LookupError::NoSuchTenant { .. })) =
            lookup::find(&transaction, &self.schema).await
        {
            let dropped = roles::drop_role(&transaction, &self.schema).await;
            dropped.map_err(|source| LifecycleError::RoleRemains {
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
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const FOREIGN_KEY_VIOLATION: &str = "23503";

/// Returns the record of a dropped tenant by its schema's name, ignoring case.
async fn find_dropped(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
) -> Result<Option<dropped_tenant::Model>, DbErr> {
    dropped_tenant::Entity::find()
        .filter(is_called(dropped_tenant::Column::SchemaName, schema))
        .filter(dropped_tenant::Column::RenamedTo.is_null())
        .one(db)
        .await
}

/// Returns the time since a tenant's row was changed.
pub(crate) async fn time_since_change(db: &DatabaseTransaction, id: i64) -> Result<Duration, DbErr> {
    let sql = "SELECT greatest(0, extract(epoch FROM clock_timestamp() - updated_at))::float8
        FROM public.tenants WHERE id = $1";
    let seconds: Option<f64> = scalar(db, sql, [id.into()]).await?;
    Ok(Duration::try_from_secs_f64(seconds.unwrap_or_default()).unwrap_or_default())
}

/// Sets the status `dropping`, and returns the time since the tenant left service, in seconds. That is `updated_at`, which stays
/// for a tenant that has left service before.
const LEAVE_SERVICE: &str = "
UPDATE public.tenants SET status = 'dropping',
    updated_at = CASE WHEN status IN ('suspended', 'maintenance', 'archived', 'dropping') THEN updated_at
        ELSE clock_timestamp() END
WHERE id = $1
RETURNING greatest(0, extract(epoch FROM clock_timestamp() - updated_at))::float8";

/// Query for the commands that drop foreign keys to other schemas, one command for each table.
const FOREIGN_KEYS: &str = include_str!("drop_foreign_keys.sql");

/// Query for the commands that drop the objects of a schema. Objects with few dependents come first: views, partitions before
/// their parents, other tables, then sequences, functions and types. Objects of extensions are left out: they are dropped with
/// the schema.
const OBJECTS: &str = include_str!("drop_objects.sql");

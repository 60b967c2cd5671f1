//! [`Cloning`]: the transaction that copies a tenant.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, IsolationLevel, TransactionTrait};
use tenant_core::{
    __private::database_name, RoleName, SHARED_SCHEMA, SchemaName, TenantStatus, catalog::tenant,
};

use crate::{
    database::is_without_table,
    define::{Ledger, LookupError, MigrationSet, SchemaRef, schema_of},
    lifecycle::{
        clone::{CloneData, Cloned},
        create::creation::Creation,
        error::LifecycleError,
        lookup,
    },
    plan::{DEFAULT_LOCK_TIMEOUT, Remaining, SchemaError},
    run::retry,
    schema::{
        Fingerprint, ReadError, Reading, SchemaSession, Structure, aside, copying, dirty, lock, reference,
        require_locks, set_timeout,
    },
};

/// A relation and its copy take two locks, and all of them may take a quarter of the server's locks.
const LOCKS_FOR_EACH: i64 = 2 * 4;

pub(crate) struct Cloning {
    pub(crate) creation: Creation,
    pub(crate) source: SchemaName,
    pub(crate) data: CloneData,
    pub(crate) needs: Needs,
}

/// Migrations that the source must have.
#[derive(Clone, Copy)]
pub(crate) enum Needs {
    Nothing,
    AllMigrations,
}

/// The source's structure, and the statements that copy its rows.
struct SourceData {
    structure: Structure,
    copy_statements: Vec<String>,
}

impl Cloning {
    pub(crate) async fn run(self) -> Result<Cloned, LifecycleError> {
        let source = lookup::find(&self.creation.db, &self.source).await?;
        let source = self.check_source(source)?;
        let transaction = self.begin(&source).await?;
        match self.create_copy(&transaction, &source).await {
            Ok((row, version, left_out)) => {
                let tenant = self.creation.commit(transaction, row).await?;
                Ok(Cloned {
                    tenant: tenant.with_version(version),
                    left_out,
                })
            }
            Err(error) => {
                // If the rollback fails, the connection is lost, and the transaction with it.
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }

    fn check_source(&self, row: tenant::Model) -> Result<Source, LifecycleError> {
        if row.schema_name == SHARED_SCHEMA || self.creation.new.schema.is_shared() {
            return Err(LifecycleError::PublicTenant { action: "copying" });
        }
        let schema = schema_of(&row.schema_name)?;
        let status = lookup::status(&row)?;
        if let TenantStatus::Provisioning | TenantStatus::Dropping | TenantStatus::Pending = status {
            let hint = "only a complete tenant can be copied";
            return Err(LifecycleError::WrongStatus { schema, status, hint });
        }
        let (kind, new_kind) = (row.kind, self.creation.new.kind.clone());
        if !std::ptr::eq(self.set(&kind), self.set(&new_kind)) {
            return Err(LifecycleError::OtherMigrations {
                schema,
                kind,
                new_kind,
            });
        }
        Ok(Source { schema, id: row.id })
    }

    fn set(&self, kind: &str) -> &MigrationSet {
        self.creation.migrations.of_kind(kind)
    }

    fn ledger<'a>(&'a self, schema: &'a SchemaName) -> Ledger<'a> {
        self.set(&self.creation.new.kind).ledger_of(schema)
    }

    /// Begins a transaction whose snapshot has the source's last migration, and that keeps further migrations from running.
    ///
    /// The snapshot is taken by the first query, which is the one that acquires the lock. If another session has the lock, the
    /// snapshot could miss its migration, so the transaction is rolled back and begun again. Before the first query, LOCK
    /// TABLE on the ledger waits for the transaction of a previous holder, which has written the ledger.
    async fn begin(&self, source: &Source) -> Result<DatabaseTransaction, LifecycleError> {
        let mut attempt = 0;
        loop {
            let isolation = Some(IsolationLevel::RepeatableRead);
            let transaction = self.creation.db.begin_with_config(isolation, None).await?;
            match self.lock_source(&transaction, source).await {
                Ok(true) => return Ok(transaction),
                Ok(false) => transaction.rollback().await?,
                Err(error) if attempt < 10 && retry::is_transient(&error) => transaction.rollback().await?,
                Err(error) => {
                    let _ = transaction.rollback().await;
                    return Err(not_locked(error, source));
                }
            }
            self.creation.check_awaited()?;
            tokio::time::sleep(retry::pause(attempt.min(3))).await;
            attempt += 1;
        }
    }

    async fn lock_source(&self, db: &DatabaseTransaction, source: &Source) -> Result<bool, DbErr> {
        let sql = format!(
            "{}; LOCK TABLE {} IN SHARE MODE",
            set_timeout("lock_timeout", DEFAULT_LOCK_TIMEOUT),
            self.ledger(&source.schema).quoted()
        );
        db.execute_unprepared(&sql).await?;
        lock::try_acquire(db, &source.schema).await
    }

    async fn create_copy(
        &self,
        db: &DatabaseTransaction,
        source: &Source,
    ) -> Result<(tenant::Model, Option<String>, Vec<String>), LifecycleError> {
        self.check_unchanged(db, source).await?;
        self.check_needs(db, source).await?;
        let data = self.read(db, source).await?;
        let row = self.creation.insert(db).await?;
        self.write(db, &data).await?;
        self.compare(db, source, &data.structure).await?;
        let version = self.complete(db).await?;
        self.creation.check_awaited()?;
        Ok((row, version, data.structure.into_left_out()))
    }

    /// Refuses a source that was dropped before it was locked, even if another tenant has its name now, or has an unfinished
    /// migration.
    async fn check_unchanged(&self, db: &DatabaseTransaction, source: &Source) -> Result<(), LifecycleError> {
        let locked = self.check_source(lookup::find(db, &self.source).await?)?;
        if locked.id != source.id {
            let schema = source.schema.clone();
            return Err(LookupError::NoSuchTenant { schema }.into());
        }
        match dirty::find(db, self.ledger(&source.schema)).await? {
            Some(step) => Err(LifecycleError::of(
                &source.schema,
                SchemaError::Unfinished { step },
            )),
            None => Ok(()),
        }
    }

    /// Refuses a template with pending migrations. Its ledger is locked, so the answer stays true.
    async fn check_needs(&self, db: &DatabaseTransaction, source: &Source) -> Result<(), LifecycleError> {
        if let Needs::Nothing = self.needs {
            return Ok(());
        }
        let applied = self.ledger(&source.schema).read(db).await?;
        let names = self.set(&self.creation.new.kind).names();
        let pending = names.filter(|name| !applied.contains(&***name));
        let pending: Vec<_> = pending.map(ToString::to_string).collect();
        match pending.is_empty() {
            true => Ok(()),
            false => Err(LifecycleError::Behind {
                schema: source.schema.clone(),
                pending,
            }),
        }
    }

    async fn read(&self, db: &DatabaseTransaction, source: &Source) -> Result<SourceData, LifecycleError> {
        let has_locks = require_locks(db, &source.schema, LOCKS_FOR_EACH).await;
        has_locks.map_err(|error| LifecycleError::of(&source.schema, error))?;
        let role = RoleName::new(&database_name(db).await?, &source.schema).ok();
        let reading = Reading::new(&self.creation.migrations, &source.schema).without_rights_of(role);
        let data = aside(db, self.read_with(db, &reading)).await?;
        let data = data.map_err(|error| not_read(error, source))?;
        match data.structure.mention(&source.schema) {
            Some(object) => Err(LifecycleError::of(
                &source.schema,
                SchemaError::NamesItself { object },
            )),
            None => Ok(data),
        }
    }

    async fn read_with(
        &self,
        db: &DatabaseTransaction,
        reading: &Reading<'_>,
    ) -> Result<SourceData, ReadError> {
        let only_table = match self.data {
            CloneData::Structure => Some(self.set(&self.creation.new.kind).ledger()),
            CloneData::Rows => None,
        };
        Ok(SourceData {
            structure: Structure::read(db, reading).await?,
            copy_statements: copying(db, reading, only_table).await?,
        })
    }

    /// Creates the structure and copies the rows.
    async fn write(&self, db: &DatabaseTransaction, data: &SourceData) -> Result<(), DbErr> {
        self.schema_session(db).enter().await?;
        // Row security must not hide rows. Values that are converted to texts must be parsed in the format in which they were
        // written.
        let settings = "SET LOCAL row_security = off; SET LOCAL datestyle = ISO; SET LOCAL intervalstyle = postgres; \
            SET LOCAL extra_float_digits = 3; SET LOCAL bytea_output = hex; SET LOCAL xmloption = content";
        let before = [settings].into_iter().chain(data.structure.before_rows());
        let statements = before
            .chain(data.copy_statements.iter().map(String::as_str))
            .chain(data.structure.after_rows());
        // Each statement is its own message, because Citus refuses a message with several statements if one of them is DDL.
        for statement in statements {
            db.execute_unprepared(statement).await?;
        }
        for statement in data.structure.of_schema(&self.creation.new.schema) {
            db.execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    async fn compare(
        &self,
        db: &DatabaseTransaction,
        source: &Source,
        structure: &Structure,
    ) -> Result<(), LifecycleError> {
        let new = &self.creation.new.schema;
        let reading = Reading::new(&self.creation.migrations, new);
        let copy = aside(db, Fingerprint::read(db, &reading)).await??;
        let difference = structure.fingerprint.difference(&copy);
        let difference = difference.map(|object| format!("{object} is not the same"));
        let difference = match difference {
            Some(difference) => Some(difference),
            None => reference(db, new, &source.schema).await?,
        };
        match difference {
            Some(difference) => Err(LifecycleError::Differs {
                schema: source.schema.clone(),
                difference,
            }),
            None => Ok(()),
        }
    }

    /// Sets the `search_path` of the new tenant's functions, its version in the catalog and its role. Returns the version.
    async fn complete(&self, db: &DatabaseTransaction) -> Result<Option<String>, LifecycleError> {
        let schema_session = self.schema_session(db);
        let applied = self.ledger(&self.creation.new.schema).read(db).await?;
        let remaining = Remaining::of(&[], applied);
        let recorded = schema_session.record_state(&remaining).await;
        recorded.map_err(|error| self.creation.not_migrated(error))?;
        let granted = schema_session.grant().await;
        granted.map_err(|error| self.creation.not_migrated(error.into()))?;
        let set = self.set(&self.creation.new.kind);
        let version = set.version(|name| remaining.applied.contains(name));
        Ok(version.map(ToString::to_string))
    }

    fn schema_session<'a>(&'a self, db: &'a DatabaseTransaction) -> SchemaSession<'a, DatabaseTransaction> {
        let schema_ref = SchemaRef {
            schema: &self.creation.new.schema,
            kind: Some(&self.creation.new.kind),
        };
        SchemaSession::new(db, &self.creation.migrations, schema_ref)
    }
}

/// The tenant that is copied.
struct Source {
    id: i64,
    schema: SchemaName,
}

fn not_locked(error: DbErr, source: &Source) -> LifecycleError {
    match is_without_table(&error) {
        true => LifecycleError::of(&source.schema, SchemaError::NoLedger),
        false => error.into(),
    }
}

fn not_read(error: ReadError, source: &Source) -> LifecycleError {
    match error {
        ReadError::Unsupported(object) => LifecycleError::Unsupported {
            schema: source.schema.clone(),
            object,
        },
        ReadError::Database(error) => error.into(),
    }
}

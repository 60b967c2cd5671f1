//! [`Cloning`]: the transaction that copies a tenant.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, IsolationLevel, TransactionTrait};
use tenant_core::{__private::database_name, RoleName, SchemaName, TenantStatus, catalog::tenant};

use crate::define::LookupError;
use crate::{
    database::is_without_table,
    define::{Ledger, MigrationSet, SchemaRef},
    lifecycle::{
        LifecycleError,
        clone::{CloneData, Cloned, error::CloneError},
        create::creation::Creation,
        lookup,
    },
    plan::{DEFAULT_LOCK_TIMEOUT, Remaining},
    run::retry,
    schema::{
        Fingerprint, ReadError, Reading, SchemaSession, Size, Structure, aside, copying, dirty, lock,
        reference, set_timeout,
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
    pub(crate) async fn run(self) -> Result<Cloned, CloneError> {
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

    fn check_source(&self, row: tenant::Model) -> Result<Source, CloneError> {
        let schema = SchemaName::new(&row.schema_name)
            .map_err(|error| self.failed(DbErr::Custom(error.to_string())))?;
        if schema.is_shared() || self.creation.new.schema.is_shared() {
            let action = "copying";
            return Err(LifecycleError::PublicTenant { action }.into());
        }
        let status = lookup::status(&row).map_err(LifecycleError::from)?;
        if let TenantStatus::Provisioning | TenantStatus::Dropping | TenantStatus::Pending = status {
            let hint = "only a complete tenant can be copied";
            return Err(LifecycleError::WrongStatus { schema, status, hint }.into());
        }
        let (kind, new_kind) = (row.kind, self.creation.new.kind.clone());
        if !std::ptr::eq(self.set(&kind), self.set(&new_kind)) {
            return Err(CloneError::OtherMigrations {
                source_schema: schema,
                source_kind: kind,
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
    async fn begin(&self, source: &Source) -> Result<DatabaseTransaction, CloneError> {
        let mut attempt = 0;
        loop {
            let isolation = Some(IsolationLevel::RepeatableRead);
            let transaction = self.creation.db.begin_with_config(isolation, None).await;
            let transaction = transaction.map_err(|error| self.failed(error))?;
            match self.lock_source(&transaction, source).await {
                Ok(true) => return Ok(transaction),
                Ok(false) => self.roll_back(transaction).await?,
                Err(error) if attempt < 10 && retry::is_transient(&error) => {
                    self.roll_back(transaction).await?;
                }
                Err(error) => {
                    let _ = transaction.rollback().await;
                    return Err(self.not_locked(error, source));
                }
            }
            self.creation.check_awaited()?;
            tokio::time::sleep(pause(attempt)).await;
            attempt += 1;
        }
    }

    async fn roll_back(&self, transaction: DatabaseTransaction) -> Result<(), CloneError> {
        transaction.rollback().await.map_err(|error| self.failed(error))
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

    fn not_locked(&self, error: DbErr, source: &Source) -> CloneError {
        match is_without_table(&error) {
            true => CloneError::NoLedger {
                source_schema: source.schema.clone(),
            },
            false => self.failed(error),
        }
    }

    async fn create_copy(
        &self,
        db: &DatabaseTransaction,
        source: &Source,
    ) -> Result<(tenant::Model, Option<String>, Vec<String>), CloneError> {
        self.check_unchanged(db, source).await?;
        self.check_needs(db, source).await?;
        let data = self.read(db, source).await?;
        let row = self.creation.insert(db).await?;
        let written = self.write(db, &data).await;
        written.map_err(|error| self.failed(error))?;
        self.compare(db, source, &data.structure).await?;
        let version = self.complete(db).await?;
        self.creation.check_awaited()?;
        Ok((row, version, data.structure.into_left_out()))
    }

    /// Refuses a source that was dropped before it was locked, even if another tenant has its name now, or has an unfinished
    /// migration.
    async fn check_unchanged(&self, db: &DatabaseTransaction, source: &Source) -> Result<(), CloneError> {
        let locked = self.check_source(lookup::find(db, &self.source).await?)?;
        if locked.id != source.id {
            let schema = source.schema.clone();
            return Err(LifecycleError::from(LookupError::NoSuchTenant { schema }).into());
        }
        let dirty = dirty::find(db, self.ledger(&source.schema)).await;
        match dirty.map_err(|error| self.failed(error))? {
            Some(step) => Err(CloneError::Unfinished {
                source_schema: source.schema.clone(),
                step: step.to_string(),
            }),
            None => Ok(()),
        }
    }

    /// Refuses a template with pending migrations. Its ledger is locked, so the answer stays true.
    async fn check_needs(&self, db: &DatabaseTransaction, source: &Source) -> Result<(), CloneError> {
        if let Needs::Nothing = self.needs {
            return Ok(());
        }
        let applied = self.ledger(&source.schema).read(db).await;
        let applied = applied.map_err(|error| self.failed(error))?;
        let names = self.set(&self.creation.new.kind).names();
        let pending: Vec<_> = names.filter(|name| !applied.contains(&***name)).collect();
        match *pending {
            [] => Ok(()),
            [next, ..] => Err(CloneError::Behind {
                source_schema: source.schema.clone(),
                next: next.to_string(),
                pending: pending.len(),
            }),
        }
    }

    async fn read(&self, db: &DatabaseTransaction, source: &Source) -> Result<SourceData, CloneError> {
        let size = Size::read(db, &source.schema).await;
        let size = size.map_err(|error| self.failed(error))?;
        if size.exceeds(LOCKS_FOR_EACH) {
            return Err(CloneError::TooLarge {
                source_schema: source.schema.clone(),
                relations: size.relations,
                locks: size.locks,
            });
        }
        let database = database_name(db).await.map_err(|error| self.failed(error))?;
        let role = RoleName::new(&database, &source.schema).ok();
        let reading = Reading::new(&self.creation.migrations, &source.schema).without_rights_of(role);
        let data = aside(db, self.read_with(db, &reading)).await;
        let data = data.map_err(|error| self.failed(error))?;
        let data = data.map_err(|error| self.not_read(error, source))?;
        match data.structure.mention(&source.schema) {
            Some(statement) => Err(CloneError::NamesItself {
                source_schema: source.schema.clone(),
                statement,
            }),
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

    fn not_read(&self, error: ReadError, source: &Source) -> CloneError {
        match error {
            ReadError::Unsupported(object) => CloneError::Unsupported {
                source_schema: source.schema.clone(),
                object,
            },
            ReadError::Database(error) => self.failed(error),
        }
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
    ) -> Result<(), CloneError> {
        let new = &self.creation.new.schema;
        let reading = Reading::new(&self.creation.migrations, new);
        let copy = aside(db, Fingerprint::read(db, &reading)).await;
        let copy = copy.and_then(|copy| copy).map_err(|error| self.failed(error))?;
        let difference = structure.fingerprint().difference(&copy);
        let difference = difference.map(|object| format!("{object} is not the same"));
        let difference = match difference {
            Some(difference) => Some(difference),
            None => reference(db, new, &source.schema)
                .await
                .map_err(|error| self.failed(error))?,
        };
        match difference {
            Some(difference) => Err(CloneError::Differs {
                source_schema: source.schema.clone(),
                difference,
            }),
            None => Ok(()),
        }
    }

    /// Sets the `search_path` of the new tenant's functions, its version in the catalog and its role. Returns the version.
    async fn complete(&self, db: &DatabaseTransaction) -> Result<Option<String>, CloneError> {
        let schema_session = self.schema_session(db);
        let applied = self.ledger(&self.creation.new.schema).read(db).await;
        let remaining = Remaining::of(&[], applied.map_err(|error| self.failed(error))?);
        schema_session
            .record_state(&remaining)
            .await
            .map_err(|error| self.creation.not_migrated(error))?;
        let granted = schema_session.grant().await;
        granted.map_err(|error| self.creation.not_granted(error))?;
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

    fn failed(&self, error: DbErr) -> CloneError {
        self.creation.failed(error).into()
    }
}

/// The tenant that is copied.
struct Source {
    id: i64,
    schema: SchemaName,
}

fn pause(attempt: u32) -> Duration {
    retry::pause(attempt.min(3))
}

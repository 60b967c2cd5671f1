//! [`SchemaSession`]: steps in one schema, on a connection that stands in it.

use std::{collections::HashSet, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;
use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{IntoSchemaManagerConnection, MigrationTrait, SchemaManager};
use tenant_core::{SchemaName, catalog::tenant};

use crate::{
    database::panic::panic_message,
    define::{
        function_search_path::{FUNCTIONS_FOUND, ask_for_functions},
        hooks::{Hook, Migrating, Seeding},
        ledger::Ledger,
        migrations::{MigrationSet, Migrations},
        schema_ref::SchemaRef,
        step::Step,
        tenant_roles::RoleError,
        version,
    },
    plan::{error::SchemaError, remaining::Remaining},
    schema::{
        enter::{self, SchemaState},
        recreate::recreate,
        roles,
        statement_recorder::recorded,
    },
};

/// A schema, and the connection that stands in it.
pub(crate) struct SchemaSession<'a, C> {
    db: &'a C,
    migrations: &'a Migrations,
    schema_ref: SchemaRef<'a>,
}

impl<'a, C> SchemaSession<'a, C>
where
    C: ConnectionTrait,
    &'a C: IntoSchemaManagerConnection<'a>,
{
    pub(crate) fn new(db: &'a C, migrations: &'a Migrations, schema_ref: SchemaRef<'a>) -> Self {
        Self {
            db,
            migrations,
            schema_ref,
        }
    }

    pub(crate) fn db(&self) -> &'a C {
        self.db
    }

    fn schema(&self) -> &'a SchemaName {
        self.schema_ref.schema
    }

    /// Puts the transaction into the schema.
    pub(crate) async fn enter(&self) -> Result<(), DbErr> {
        self.db.execute_unprepared(&self.set_path()).await?;
        Ok(())
    }

    /// What remains of `steps`, by the ledger as it is now. `seen` is what it must have, for the plan to hold.
    ///
    /// Nothing is done before PostgreSQL says that the connection stands where it should.
    pub(crate) async fn check(&self, steps: &[Step], seen: &[Arc<str>]) -> Result<Remaining, SchemaError> {
        let state = enter::find_state(self.db, self.ledger()).await?;
        self.check_at(state, steps, seen).await
    }

    /// Does the same, where PostgreSQL said already where the connection stands.
    pub(crate) async fn check_at(
        &self,
        state: SchemaState,
        steps: &[Step],
        seen: &[Arc<str>],
    ) -> Result<Remaining, SchemaError> {
        if let [Step::Recreate, ..] = steps {
            return Ok(Remaining::of(steps, HashSet::new()));
        }
        if !state.is_in_schema {
            return Err(SchemaError::NoSchema);
        }
        self.check_ledger(state.has_ledger, steps, seen).await
    }

    async fn check_ledger(
        &self,
        has_ledger: bool,
        steps: &[Step],
        seen: &[Arc<str>],
    ) -> Result<Remaining, SchemaError> {
        let applied = if has_ledger {
            self.ledger().read(self.db).await?
        } else {
            HashSet::new()
        };
        let gone: Vec<_> = seen
            .iter()
            .filter(|name| !applied.contains(&***name))
            .cloned()
            .collect();
        if !gone.is_empty() {
            return Err(SchemaError::Changed { names: gone });
        }
        Ok(Remaining::of(steps, applied))
    }

    /// Does a step in the transaction, and goes back to where it was: a migration may have gone elsewhere.
    pub(crate) async fn apply(&self, step: &Step) -> Result<(), SchemaError> {
        let ledger = self.perform(step).await?;
        let sql = format!("{ledger}; {}", self.set_path());
        self.db.execute_unprepared(&sql).await?;
        Ok(())
    }

    /// Does a step, and gives what is to be done to the ledger then.
    pub(crate) async fn perform(&self, step: &Step) -> Result<String, SchemaError> {
        let failed = |source| SchemaError::Migration {
            step: step.clone(),
            source,
        };
        tracing::debug!(schema = %self.schema(), ?step, "migrating");
        match step {
            Step::Up(name) => {
                let migration = self.migration(name).map_err(failed)?;
                let manager = SchemaManager::new(self.db);
                caught(recorded(migration.up(&manager))).await.map_err(failed)?;
                Ok(self.ledger().record(name))
            }
            Step::Down(name) => {
                let migration = self.migration(name).map_err(failed)?;
                let manager = SchemaManager::new(self.db);
                caught(recorded(migration.down(&manager))).await.map_err(failed)?;
                Ok(self.ledger().forget(name))
            }
            Step::Fake(name) => Ok(self.ledger().record(name)),
            Step::Recreate => {
                recreate(self.db, self.schema()).await?;
                Ok(self.ledger().create())
            }
            Step::DropLedger => Ok(self.ledger().drop()),
        }
    }

    /// Gives the tenant's role its rights on what is there now, if there are roles.
    pub(crate) async fn grant(&self) -> Result<(), RoleError> {
        roles::grant(self.db, self.migrations, self.schema()).await
    }

    /// Does what is to be done after all steps.
    pub(crate) async fn finish(&self, remaining: &Remaining) -> Result<(), DbErr> {
        self.execute_all(&self.finishing(remaining)).await
    }

    /// As [`finish`](Self::finish), where something else than the steps filled the schema.
    pub(crate) async fn record_state(&self, remaining: &Remaining) -> Result<(), DbErr> {
        self.execute_all(&self.recording_state(remaining)).await
    }

    /// Does the last step, and what is to be done after it: in one message, where the schema has no functions.
    pub(crate) async fn apply_last(&self, step: &Step, remaining: &Remaining) -> Result<(), SchemaError> {
        let mut commands = vec![self.perform(step).await?, self.set_path()];
        commands.extend(self.set_version(remaining));
        let pin = self.migrations.function_search_path(self.schema());
        commands.extend(pin.is_some().then(|| ask_for_functions(self.schema())));
        let done = self.db.execute_unprepared(&commands.join(";\n")).await?;
        if let (Some(pin), true) = (pin, done.rows_affected() >= FUNCTIONS_FOUND) {
            self.db.execute_unprepared(&pin).await?;
        }
        Ok(())
    }

    fn finishing(&self, remaining: &Remaining) -> Vec<String> {
        if remaining.steps.is_empty() {
            return Vec::new();
        }
        self.recording_state(remaining)
    }

    /// Functions get the `search_path` of the migrations, and the catalog the version.
    fn recording_state(&self, remaining: &Remaining) -> Vec<String> {
        let pin = self.migrations.function_search_path(self.schema());
        pin.into_iter().chain(self.set_version(remaining)).collect()
    }

    /// In one message.
    async fn execute_all(&self, commands: &[String]) -> Result<(), DbErr> {
        if !commands.is_empty() {
            self.db.execute_unprepared(&commands.join(";\n")).await?;
        }
        Ok(())
    }

    /// What tells the catalog which version the schema has after all steps. The shared schema has none there.
    fn set_version(&self, remaining: &Remaining) -> Option<String> {
        self.schema_ref.kind?;
        let version = self.set().version(|name| remaining.applied.contains(name));
        Some(version::record(self.schema(), version.map(|name| &**name)))
    }

    /// Lets the application's hook do what it does.
    pub(crate) async fn call_hook(&self, hook: Hook, steps: &[Step]) -> Result<(), SchemaError> {
        let (Some(hooks), Some(kind)) = (self.migrations.hooks(), self.schema_ref.kind) else {
            return Ok(());
        };
        if steps.iter().all(|step| matches!(step, Step::Fake(_))) {
            return Ok(());
        }
        let manager = SchemaManager::new(self.db);
        let tenant = Migrating {
            schema: self.schema(),
            kind,
            steps,
            manager: &manager,
        };
        let called = match hook {
            Hook::Before => caught(hooks.before(tenant)).await,
            Hook::After => caught(hooks.after(tenant)).await,
        };
        called.map_err(|source| SchemaError::Hook {
            hook: hook.name(),
            source,
        })?;
        // It may have gone elsewhere, as a migration may.
        self.enter().await?;
        Ok(())
    }

    /// Lets the application give a tenant the rows that it begins with. `row` is the tenant's in the catalog.
    pub(crate) async fn seed(&self, row: &tenant::Model) -> Result<(), DbErr> {
        let Some(hooks) = self.migrations.hooks() else {
            return Ok(());
        };
        self.enter().await?;
        let manager = SchemaManager::new(self.db);
        let tenant = Seeding {
            schema: self.schema(),
            kind: &row.kind,
            name: &row.name,
            metadata: &row.metadata,
            manager: &manager,
        };
        caught(hooks.seed(tenant)).await?;
        // It may have gone elsewhere, as a migration may.
        self.enter().await
    }

    /// Makes the ledger where `steps` need one.
    pub(crate) async fn ensure_ledger(&self, steps: &[Step]) -> Result<(), DbErr> {
        if let [Step::Up(_) | Step::Fake(_), ..] = steps {
            self.db.execute_unprepared(&self.ledger().create()).await?;
        }
        Ok(())
    }

    fn migration(&self, name: &str) -> Result<&dyn MigrationTrait, DbErr> {
        let missing = || DbErr::Migration(format!("there is no migration {name}"));
        self.set().get(name).ok_or_else(missing)
    }

    fn set(&self) -> &'a MigrationSet {
        self.schema_ref.set(self.migrations)
    }

    fn ledger(&self) -> Ledger<'a> {
        self.schema_ref.ledger(self.migrations)
    }

    fn set_path(&self) -> String {
        self.migrations.set_path(self.schema())
    }
}

/// A migration that panics, such as a generated one that was not written yet, fails like any other.
async fn caught<F>(migration: F) -> Result<(), DbErr>
where
    F: Future<Output = Result<(), DbErr>>,
{
    let result = AssertUnwindSafe(migration).catch_unwind().await;
    result.unwrap_or_else(|panic| {
        Err(DbErr::Migration(format!(
            "it panicked: {}",
            panic_message(&*panic)
        )))
    })
}

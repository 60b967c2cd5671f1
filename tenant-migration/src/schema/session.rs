//! [`SchemaSession`]: steps in one schema, on a connection that stands in it.

use std::{collections::HashSet, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;
use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{IntoSchemaManagerConnection, MigrationTrait, SchemaManager};
use tenant_core::{SchemaName, catalog::tenant};

use crate::{
    database::panic_message,
    define::{
        FUNCTIONS_FOUND, Hook, Ledger, Migrating, MigrationSet, Migrations, RoleError, SchemaRef, Seeding,
        Step, ask_for_functions, version,
    },
    plan::{Remaining, SchemaError},
    schema::{
        enter::{self, SchemaState},
        extensions::{self, EXTENSIONS_FOUND},
        recreate::recreate,
        roles,
        statement_recorder::recorded,
    },
};

/// A schema, and a connection whose `search_path` begins with it.
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

    /// Returns the remaining part of `steps`, by the ledger as it is now. Refuses a ledger without the migrations of `seen`,
    /// which the plan was based on, and a connection that does not stand in the schema.
    pub(crate) async fn check(&self, steps: &[Step], seen: &[Arc<str>]) -> Result<Remaining, SchemaError> {
        let state = enter::find_state(self.db, self.ledger()).await?;
        self.check_at(state, steps, seen).await
    }

    /// Does the same as [`check`](Self::check) with a state that is known already.
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

    /// Applies a step in the transaction, records it, and sets the search path again, as a migration may have changed it.
    pub(crate) async fn apply(&self, step: &Step) -> Result<(), SchemaError> {
        let ledger = self.perform(step).await?;
        let sql = format!("{ledger}; {}", self.set_path());
        self.db.execute_unprepared(&sql).await?;
        Ok(())
    }

    /// Runs a step, and returns the statement that records it in the ledger.
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

    /// Grants the tenant's role its rights on all objects of the schema, if there are roles.
    pub(crate) async fn grant(&self) -> Result<(), RoleError> {
        roles::grant(self.db, self.migrations, self.schema()).await
    }

    /// Records the state of the schema after all steps, if there were any.
    pub(crate) async fn finish(&self, remaining: &Remaining) -> Result<(), SchemaError> {
        match remaining.steps.is_empty() {
            true => Ok(()),
            false => self.record_state(remaining).await,
        }
    }

    /// Sets the `search_path` of functions, and the version in the catalog, and asks for extensions, in one message.
    pub(crate) async fn record_state(&self, remaining: &Remaining) -> Result<(), SchemaError> {
        let search_path = self.migrations.function_search_path(self.schema());
        let commands: Vec<_> = search_path
            .into_iter()
            .chain(self.set_version(remaining))
            .chain(extensions::ask(self.schema()))
            .collect();
        if !commands.is_empty() {
            let done = self.db.execute_unprepared(&commands.join(";\n")).await?;
            self.require_no_extension(done.rows_affected()).await?;
        }
        Ok(())
    }

    /// Applies the last step, records the state of the schema, and asks for extensions, in one message. Functions, which few
    /// schemas have, take one more.
    pub(crate) async fn apply_last(&self, step: &Step, remaining: &Remaining) -> Result<(), SchemaError> {
        let mut commands = vec![self.perform(step).await?, self.set_path()];
        commands.extend(self.set_version(remaining));
        let search_path = self.migrations.function_search_path(self.schema());
        commands.extend(search_path.is_some().then(|| ask_for_functions(self.schema())));
        commands.extend(extensions::ask(self.schema()));
        let rows = self
            .db
            .execute_unprepared(&commands.join(";\n"))
            .await?
            .rows_affected();
        self.require_no_extension(rows).await?;
        if let (Some(search_path), true) = (search_path, rows >= FUNCTIONS_FOUND) {
            self.db.execute_unprepared(&search_path).await?;
        }
        Ok(())
    }

    /// Refuses extensions in a tenant's schema, if the number of rows of a message says that there are some.
    async fn require_no_extension(&self, rows: u64) -> Result<(), SchemaError> {
        if rows < EXTENSIONS_FOUND {
            return Ok(());
        }
        let extensions = extensions::find(self.db, self.schema()).await?;
        Err(SchemaError::HasExtension { extensions })
    }

    /// Returns the statement that records the version of the schema after all steps. The catalog has no version of the shared
    /// schema.
    fn set_version(&self, remaining: &Remaining) -> Option<String> {
        self.schema_ref.kind?;
        let version = self.set().version(|name| remaining.applied.contains(name));
        Some(version::record(self.schema(), version.map(|name| &**name)))
    }

    /// Calls a hook of the application.
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
        let (called, hook) = match hook {
            Hook::Before => (caught(hooks.before(tenant)).await, "before its migrations"),
            Hook::After => (caught(hooks.after(tenant)).await, "after its migrations"),
        };
        called.map_err(|source| SchemaError::Hook { hook, source })?;
        // It may have gone elsewhere, as a migration may.
        self.enter().await?;
        Ok(())
    }

    /// Lets the application give a tenant the rows that it begins with. `row` is the tenant's in the catalog.
    pub(crate) async fn seed(&self, row: &tenant::Model) -> Result<(), SchemaError> {
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
        let hook = "that seeds it";
        let seeded = caught(hooks.seed(tenant)).await;
        seeded.map_err(|source| SchemaError::Hook { hook, source })?;
        // It may have gone elsewhere, as a migration may.
        self.enter().await?;
        Ok(())
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

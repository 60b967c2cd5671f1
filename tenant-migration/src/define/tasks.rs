//! Parts of the command line that the application defines: named tasks, and the connection to its tenants.

use std::{collections::BTreeMap, error::Error, fmt, future::Future, sync::Arc};

use futures_util::future::BoxFuture;
use serde_json::Value;
use tenant_core::{TenantConnection, Tenants, TenantsBuilder};

use crate::define::migrations::Migrations;

/// Any error that a task returns.
pub(crate) type AnyError = Box<dyn Error + Send + Sync>;

type Run = dyn Fn(TenantConnection) -> BoxFuture<'static, Result<Value, AnyError>> + Send + Sync;

/// Task that `tenant run` runs.
pub(crate) type Task = Arc<Run>;

/// The part of [`Migrations`] that is for `tenant run` and `tenant sql`.
#[derive(Clone, Default)]
pub(crate) struct ForTenants {
    tasks: BTreeMap<String, Task>,
    builder: Option<Arc<dyn Fn() -> TenantsBuilder + Send + Sync>>,
}

impl ForTenants {
    pub(crate) fn task(&self, name: &str) -> Option<&Task> {
        self.tasks.get(name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.tasks.keys().cloned().collect()
    }

    pub(crate) fn builder(&self) -> TenantsBuilder {
        self.builder
            .as_ref()
            .map_or_else(Tenants::builder, |builder| builder())
    }
}

impl fmt::Debug for ForTenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForTenants")
            .field("tasks", &self.names())
            .finish_non_exhaustive()
    }
}

impl Migrations {
    /// Gives the command line a task: `tenant run NAME --tenants` runs it for every tenant, and shows what it returned
    /// for each. Of two tasks of a name the later one counts.
    ///
    /// What it returns is anything that goes into JSON, such as a number, a text or `()`. Run it as often as it takes:
    /// one that fails for some tenants is run again for all or for those.
    ///
    /// # Example
    /// ```
    /// # use sea_orm_migration::prelude::*;
    /// # struct Shared;
    /// # impl MigratorTrait for Shared {
    /// #     fn migrations() -> Vec<Box<dyn MigrationTrait>> { tenant_migration::catalog::migrations() }
    /// # }
    /// # struct Tenant;
    /// # impl MigratorTrait for Tenant {
    /// #     fn migrations() -> Vec<Box<dyn MigrationTrait>> { vec![] }
    /// # }
    /// use sea_orm::{ConnectionTrait, DbErr};
    /// use tenant_core::TenantConnection;
    /// use tenant_migration::Migrations;
    ///
    /// async fn purge(db: TenantConnection) -> Result<u64, DbErr> {
    ///     let gone = db.execute_unprepared("DELETE FROM note WHERE title = ''").await?;
    ///     Ok(gone.rows_affected())
    /// }
    ///
    /// let migrations = Migrations::new(Shared, Tenant).task("purge", purge);
    /// ```
    #[must_use]
    pub fn task<T, E, F, W>(mut self, name: impl Into<String>, task: F) -> Self
    where
        F: Fn(TenantConnection) -> W + Send + Sync + 'static,
        W: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<Value>,
        E: Into<AnyError>,
    {
        let run = move |db| -> BoxFuture<'static, _> {
            let work = task(db);
            Box::pin(async move { work.await.map(Into::into).map_err(Into::into) })
        };
        self.for_tenants_mut().tasks.insert(name.into(), Arc::new(run));
        self
    }

    /// Says how `tenant run` and `tenant sql` connect to the tenants: as the application does, with the tables, schemas
    /// and types that it lets statements name, and as the tenants' roles if it does. It is
    /// [`Tenants::builder`] without this.
    ///
    /// # Example
    /// ```
    /// # use tenant_migration::Migrations;
    /// use tenant_core::Tenants;
    ///
    /// # fn example(migrations: Migrations) -> Migrations {
    /// migrations.with_tenants(|| Tenants::builder().allow_extension("citext").run_as_tenant_roles())
    /// # }
    /// ```
    #[must_use]
    pub fn with_tenants(mut self, builder: impl Fn() -> TenantsBuilder + Send + Sync + 'static) -> Self {
        self.for_tenants_mut().builder = Some(Arc::new(builder));
        self
    }
}

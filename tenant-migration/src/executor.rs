//! [`Executor`]: does what a plan says, on a connection of its own.

use std::time::Duration;

use sea_orm::{ConnectOptions, DbErr};
use tenant_core::__private::{ShutDown, detached};

use crate::{
    catalog,
    error::{PlanError, SchemaError},
    migrations::Migrations,
    plan::{Action, Plan, SchemaPlan, Target},
    report::{Observer, Outcome, Report, SchemaReport},
    status::{self, SchemaStatus},
    worker::Worker,
};

/// Plans and runs migrations, on one connection that nobody else uses.
///
/// It must reach the server itself or a pooler in session mode, as locks belong to sessions.
///
/// # Example
/// ```no_run
/// # async fn example(migrations: tenant_migration::Migrations) -> Result<(), Box<dyn std::error::Error>> {
/// use tenant_core::SchemaName;
/// use tenant_migration::{Action, Executor, Target};
///
/// let executor = Executor::connect("postgres://localhost/app", migrations).await?;
/// let acme = Target::Tenants(vec![SchemaName::new("acme")?]);
/// let plan = executor.plan(&acme, Action::Down { steps: 1 }).await?;
/// let report = executor.run(plan, &mut ()).await;
/// assert!(report.is_success());
/// executor.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Executor {
    worker: Worker,
}

impl Executor {
    /// Connects to the database.
    ///
    /// # Errors
    /// [`DbErr`] if it cannot be reached.
    pub async fn connect(options: impl Into<ConnectOptions>, migrations: Migrations) -> Result<Self, DbErr> {
        let worker = Worker::connect(options.into(), migrations).await?;
        Ok(Self { worker })
    }

    /// What the ledgers of the schemas say, the shared schema's first. Nothing is changed.
    ///
    /// # Errors
    /// [`PlanError`] if a tenant is not there, or the database did not answer.
    pub async fn status(&self, target: &Target) -> Result<Vec<SchemaStatus>, PlanError> {
        status::read(&self.worker.db, &self.worker.migrations, target).await
    }

    /// What is to be done. Nothing is changed.
    ///
    /// # Errors
    /// [`PlanError`] if a tenant is not there, the action is refused, or the database did not answer.
    pub async fn plan(&self, target: &Target, action: Action) -> Result<Plan, PlanError> {
        if *target == Target::Shared && action.empties() {
            let tenants = catalog::tenants(&self.worker.db).await?;
            if !tenants.is_empty() {
                return Err(PlanError::TenantsExist { action, tenants });
            }
        }
        let statuses = self.status(target).await?;
        Plan::new(&self.worker.migrations, target, action, statuses)
    }

    /// Does what the plan says and tells what happened. A tenant that fails does not stop the others; the
    /// shared schema does.
    ///
    /// If this future is dropped, the schema that is being worked on is done in the background, and no
    /// other one is begun.
    pub async fn run(&self, plan: Plan, observer: &mut dyn Observer) -> Report {
        let mut report = Report::default();
        let mut is_stopped = false;
        for schema in plan.schemas {
            observer.started(&schema);
            let done = if is_stopped {
                SchemaReport::new(schema.schema(), Outcome::NotReached, Duration::ZERO)
            } else {
                self.migrate(schema).await
            };
            is_stopped |= done.schema().is_shared() && !done.is_success();
            observer.finished(&done);
            report.schemas.push(done);
        }
        report
    }

    async fn migrate(&self, plan: SchemaPlan) -> SchemaReport {
        let schema = plan.schema().clone();
        let worker = self.worker.clone();
        let done = detached(async move { worker.migrate(plan).await }).await;
        done.unwrap_or_else(|ShutDown| {
            SchemaReport::new(&schema, SchemaError::Interrupted.into(), Duration::ZERO)
        })
    }

    /// Closes the connection.
    ///
    /// # Errors
    /// [`DbErr`] if it could not be closed.
    pub async fn close(self) -> Result<(), DbErr> {
        self.worker.db.close().await
    }
}

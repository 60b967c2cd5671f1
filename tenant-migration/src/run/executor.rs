//! [`Executor`]: does what a plan says, on a connection of its own.

use sea_orm::{ConnectOptions, DbErr};
use tenant_core::SchemaName;

use crate::{
    database::{SessionError, require_sessions},
    define::{LookupError, Migrations, is_outdated, schema_names},
    plan::{
        Action, Observer, Plan, PlanError, Report, RunOptions, SchemaError, SchemaStatus, Target, status,
    },
    run::{failures, scheduler::Scheduler, versions, worker::Worker, worker_pool},
};

/// Plans migrations, and runs them on connections of its own: one, and more while many schemas are read or migrated.
///
/// They must reach the server itself or a pooler in session mode, as locks belong to sessions.
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
    first: Worker,
    options: RunOptions,
}

/// The SQL that a plan would run in a schema.
#[derive(Debug)]
#[non_exhaustive]
pub struct Preview {
    /// The schema.
    pub schema: SchemaName,
    /// The statements of its migrations, or why it would not get through.
    pub statements: Result<Vec<String>, SchemaError>,
}

impl Executor {
    /// Connects to the database.
    ///
    /// # Errors
    /// [`SessionError`] if it cannot be reached, or a pooler in transaction mode stands between.
    pub async fn connect(
        options: impl Into<ConnectOptions>,
        migrations: Migrations,
    ) -> Result<Self, SessionError> {
        let first = Worker::connect(options.into(), migrations).await?;
        require_sessions(&first.db).await?;
        Ok(Self {
            first,
            options: RunOptions::default(),
        })
    }

    /// Reads the ledgers of the schemas, the shared schema's first. Nothing is changed.
    ///
    /// # Errors
    /// [`PlanError`] if a tenant is not there, or the database did not answer.
    pub async fn status(&self, target: &Target) -> Result<Vec<SchemaStatus>, PlanError> {
        let migrations = &self.first.migrations;
        status::with_retry(|| async {
            let found = status::find(&self.first.db, migrations, target).await?;
            let wanted = self.options.jobs.min(status::chunks(&found));
            let readers = self.first.acquire(Vec::new(), wanted).await;
            let connections: Vec<_> = readers.iter().map(|worker| &worker.db).collect();
            let statuses = status::read_ledgers(&connections, migrations, &found).await;
            worker_pool::release(readers).await;
            statuses
        })
        .await
    }

    /// Plans an action: reads the ledgers, and computes the steps for each schema. Nothing is changed.
    ///
    /// # Errors
    /// [`PlanError`] if a tenant is not there, the action is refused, or the database did not answer.
    pub async fn plan(&self, target: &Target, action: Action) -> Result<Plan, PlanError> {
        if *target == Target::Shared && action.empties() {
            let tenants = schema_names(&self.first.db).await?;
            if !tenants.is_empty() {
                return Err(PlanError::TenantsExist { action, tenants });
            }
        }
        if !matches!(target, Target::All | Target::Shared) && is_outdated(&self.first.db).await? {
            return Err(LookupError::NoCatalog.into());
        }
        let statuses = self.status(target).await?;
        Plan::new(&self.first.migrations, target, action, statuses)
    }

    /// Sets the options of runs: number of workers, canaries, timeouts and attempts.
    #[must_use]
    pub fn with_options(mut self, options: RunOptions) -> Self {
        self.options = options;
        self
    }

    /// Runs a plan and reports what happened to each schema, in the order of the plan: the shared schema, then the
    /// canaries, then all other tenants, as many at once as the [`RunOptions`] say. A tenant that fails does not stop
    /// the others, unless it is a canary or one too many; the shared schema does.
    ///
    /// If this future is dropped, the schemas that are being worked on are done in the background, and no
    /// other one is begun.
    #[must_use = "a report may tell of schemas that failed"]
    pub async fn run(&self, plan: Plan, observer: &mut dyn Observer) -> Report {
        let unrecorded = versions::unrecorded(&plan);
        let idle_failures = failures::of_idle(&plan);
        let report = Scheduler::new(&self.first, &self.options, observer)
            .run(plan.schemas)
            .await;
        if let Err(error) = versions::record_all(&self.first.db, unrecorded).await {
            tracing::warn!(%error, "the versions of tenants with nothing to do were not recorded");
        }
        failures::remove_idle(&self.first.db, &idle_failures).await;
        report
    }

    /// The SQL that a plan would run in each schema, in the order of the plan. It is taken from transactions that do
    /// what the plan says and are rolled back, one after the other, so it takes as long and takes the same locks, with
    /// the same patience. Values of prepared statements are not shown, only their places.
    ///
    /// A schema that would not get through fails here, too. So does one with a migration outside of transactions,
    /// which could not be taken back, and one with a migration that uses an enum value which another of the plan adds: a
    /// COMMIT must come between.
    ///
    /// # Errors
    /// [`DbErr`] if the database is not reached.
    pub async fn preview(&self, plan: &Plan) -> Result<Vec<Preview>, DbErr> {
        let recorder = self.first.recording().await?;
        let mut previews = Vec::with_capacity(plan.schemas.len());
        for schema in &plan.schemas {
            previews.push(Preview {
                schema: schema.schema().clone(),
                statements: recorder.preview(schema, &self.options).await,
            });
        }
        recorder.db.close().await?;
        Ok(previews)
    }

    /// Closes the connections.
    ///
    /// # Errors
    /// [`DbErr`] if one could not be closed.
    pub async fn close(self) -> Result<(), DbErr> {
        self.first.db.close().await
    }
}

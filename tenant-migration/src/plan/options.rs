//! [`RunOptions`]: workers, canaries, timeouts and attempts of a run.

use std::time::Duration;

use tenant_core::SchemaName;

/// Options of a run: number of workers, canaries, timeouts and attempts.
///
/// # Example
/// ```no_run
/// # async fn example(migrations: tenant_migration::Migrations) -> Result<(), Box<dyn std::error::Error>> {
/// use tenant_migration::{Action, Canary, Executor, RunOptions, Target};
///
/// let options = RunOptions::default()
///     .jobs(8)
///     .canary(Canary::First(5)) // these first, and the others only if they succeed
///     .max_failures(3);
/// let executor = Executor::connect("postgres://localhost/app", migrations).await?;
/// let plan = executor.plan(&Target::All, Action::UP).await?;
/// let report = executor.with_options(options).run(plan, &mut ()).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing until an executor has them"]
pub struct RunOptions {
    pub(crate) jobs: usize,
    pub(crate) canary: Canary,
    pub(crate) max_failures: Option<usize>,
    pub(crate) lock_timeout: Duration,
    pub(crate) statement_timeout: Duration,
    pub(crate) attempts: u32,
}

/// The tenants that are migrated before all others. If one of them fails, the others are not begun.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Canary {
    /// None: all tenants are one wave.
    None,
    /// The first so many of the plan that have something to do.
    First(usize),
    /// These, as far as the plan has them.
    Tenants(Vec<SchemaName>),
}

/// Default number of workers, each with a connection of its own.
pub const DEFAULT_JOBS: usize = 4;

/// Default time that a migration waits for a lock on a table. All later statements on the table queue behind one that waits, readers
/// too, so a migration may make an application wait for as long.
pub const DEFAULT_LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// Default number of attempts for a schema that fails for a transient reason.
pub const DEFAULT_ATTEMPTS: u32 = 5;

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            jobs: DEFAULT_JOBS,
            canary: Canary::None,
            max_failures: None,
            lock_timeout: DEFAULT_LOCK_TIMEOUT,
            statement_timeout: Duration::ZERO,
            attempts: DEFAULT_ATTEMPTS,
        }
    }
}

impl RunOptions {
    /// Sets the number of tenants that are migrated at once, at least 1. Default: [`DEFAULT_JOBS`]. Each takes a connection. A
    /// run takes fewer if the server has fewer left.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs.max(1);
        self
    }

    /// Sets the tenants that are migrated first. Default: [`Canary::None`].
    pub fn canary(mut self, canary: Canary) -> Self {
        self.canary = canary;
        self
    }

    /// Sets the number of failures, at least 1, after which no other tenant is begun. Default: no limit.
    pub fn max_failures(mut self, failures: usize) -> Self {
        self.max_failures = Some(failures.max(1));
        self
    }

    /// Sets the time that a migration waits for a lock, in whole milliseconds. Zero waits for ever. Default:
    /// [`DEFAULT_LOCK_TIMEOUT`]. Migrations outside of transactions have no such limit: `CREATE INDEX CONCURRENTLY` must wait
    /// for the transactions of others, and makes nobody wait.
    pub fn lock_timeout(mut self, time: Duration) -> Self {
        self.lock_timeout = time;
        self
    }

    /// Sets the time that a statement of a migration may take, in whole milliseconds. Default: zero, which is no limit.
    pub fn statement_timeout(mut self, time: Duration) -> Self {
        self.statement_timeout = time;
        self
    }

    /// Sets the number of attempts for a schema, at least 1. Default: [`DEFAULT_ATTEMPTS`]. A transaction is tried again after
    /// a transient error: a lock timeout, a deadlock, a full lock table, too many connections.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }
}

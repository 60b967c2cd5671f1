//! [`RunOptions`]: how a plan is run.

use std::time::Duration;

use tenant_core::SchemaName;

/// How a plan is run: with how many workers, in which waves, and how patiently.
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

/// How many workers there are by default, each with a connection of its own.
pub const DEFAULT_JOBS: usize = 4;

/// How long a migration waits for a lock by default. Whoever comes after a statement that waits, waits behind it,
/// readers too, so this is how long a migration may make an application wait.
pub const DEFAULT_LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// How often a schema is tried by default where it failed for a reason that passes.
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
    /// How many tenants are migrated at once, [`DEFAULT_JOBS`] if it is not called. Each takes a connection; a run
    /// takes fewer where the server has fewer left.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs.max(1);
        self
    }

    /// The tenants that go first.
    pub fn canary(mut self, canary: Canary) -> Self {
        self.canary = canary;
        self
    }

    /// Begins no other tenant once so many failed. Without it, no failure stops the others.
    pub fn max_failures(mut self, failures: usize) -> Self {
        self.max_failures = Some(failures.max(1));
        self
    }

    /// How long a migration waits for a lock, [`DEFAULT_LOCK_TIMEOUT`] if it is not called. Zero is for ever.
    /// Milliseconds count. It is not for migrations outside of transactions: `CREATE INDEX CONCURRENTLY` waits for
    /// the transactions of others by its nature, and makes nobody wait.
    pub fn lock_timeout(mut self, time: Duration) -> Self {
        self.lock_timeout = time;
        self
    }

    /// How long a statement of a migration may take, zero, which is for ever, if it is not called. Milliseconds count.
    pub fn statement_timeout(mut self, time: Duration) -> Self {
        self.statement_timeout = time;
        self
    }

    /// How often a schema is tried, [`DEFAULT_ATTEMPTS`] if it is not called, where its transaction failed for a
    /// reason that passes: a lock that was not to be had in time, a deadlock, a lock table that was full, too many
    /// connections.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }
}

//! What is done for many tenants.

use std::future::Future;

use tenant_core::{Tenant, TenantConnection, Tenants};

use crate::{
    cli::{Context, error::CliError, target::target, tenant::WorkArgs},
    plan::{DEFAULT_JOBS, Target, select},
    run::{TaskError, for_each},
};

/// What came of it for each tenant.
pub(super) type Results<T, E> = Vec<(Tenant, Result<T, TaskError<E>>)>;

/// The tenants that the arguments choose, and the connections to them.
pub(super) struct Chosen {
    tenants: Tenants,
    selected: Vec<Tenant>,
    jobs: usize,
}

impl Chosen {
    /// Everything is to be asked for in words: nothing is taken for every tenant.
    pub(super) async fn new(
        context: &Context<'_>,
        work: &WorkArgs,
        connections_a_job: usize,
    ) -> Result<Self, CliError> {
        let target = target(context, &work.target)?;
        if target == Target::All {
            return Err(CliError::NoTenants);
        }
        let jobs = work.jobs.map_or(DEFAULT_JOBS, usize::from);
        let connections = u32::try_from(jobs * connections_a_job).unwrap_or(u32::MAX);
        let tenants = context.tenants(connections).await?;
        let selected = select(&tenants, &target).await?;
        Ok(Self {
            tenants,
            selected,
            jobs,
        })
    }

    /// The connection of one of them, to try something on.
    pub(super) fn first(&self) -> Option<TenantConnection> {
        let first = self.selected.first()?;
        Some(self.tenants.connection(first))
    }

    pub(super) async fn for_each<T, E, F, W>(self, task: F) -> Result<Results<T, E>, CliError>
    where
        F: Fn(TenantConnection) -> W + Send + Sync + 'static,
        W: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let results = for_each(&self.tenants, self.selected, self.jobs, task).await;
        self.tenants.close().await?;
        Ok(results)
    }
}

/// Fails if something failed for a tenant.
pub(super) fn require_success<T, E>(results: &Results<T, E>) -> Result<(), CliError> {
    match failed(results) {
        0 => Ok(()),
        failed => Err(CliError::TenantsFailed {
            failed,
            all: results.len(),
        }),
    }
}

/// "3 tenants: 7 rows, 1 failed"
pub(super) fn summary<T, E>(results: &Results<T, E>, done: &str) -> String {
    let tenants = match results.len() {
        1 => "1 tenant".to_owned(),
        many => format!("{many} tenants"),
    };
    match failed(results) {
        0 => format!("{tenants}: {done}"),
        failed => format!("{tenants}: {done}, {failed} failed"),
    }
}

pub(super) fn failed<T, E>(results: &Results<T, E>) -> usize {
    results.iter().filter(|(_, result)| result.is_err()).count()
}

/// Why something failed, with the words for what a task returned.
pub(super) fn why<E>(error: &TaskError<E>, words: impl FnOnce(&E) -> String) -> String {
    match error {
        TaskError::Failed(error) => words(error),
        TaskError::Panicked(message) => TaskError::<&str>::Panicked(message.clone()).to_string(),
        TaskError::Interrupted => TaskError::<&str>::Interrupted.to_string(),
    }
}

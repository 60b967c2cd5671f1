//! [`SelectedTenants`]: tenants that the arguments name.

use std::future::Future;

use tenant_core::{Tenant, TenantConnection, TenantStatus, Tenants};

use crate::{
    cli::{
        Context,
        error::CliError,
        target::target,
        tenant::{WorkArgs, results::Results},
    },
    plan::{DEFAULT_JOBS, Target, TenantSelection, select},
    run::for_each,
};

/// Tenants that the arguments name, and their connections.
pub(super) struct SelectedTenants {
    tenants: Tenants,
    selected: Vec<Tenant>,
    jobs: usize,
}

impl SelectedTenants {
    /// Connects and selects the tenants.
    ///
    /// `default_statuses` are those of tenants that are not named, unless the arguments have statuses.
    ///
    /// # Errors
    /// [`CliError::NoTenants`] if the arguments name no tenants: all of them must be named, too, by `--tenants`.
    pub(super) async fn new(
        context: &Context<'_>,
        work: &WorkArgs,
        default_statuses: &[TenantStatus],
        connections_per_job: usize,
    ) -> Result<Self, CliError> {
        let target = target(context, &work.target)?;
        if target == Target::All {
            return Err(CliError::NoTenants);
        }
        let jobs = work.jobs.map_or(DEFAULT_JOBS, usize::from);
        let connections = u32::try_from(jobs * connections_per_job).unwrap_or(u32::MAX);
        let tenants = context.tenants(connections).await?;
        let selected = select(&tenants, &selection(target, &work.status, default_statuses)).await?;
        Ok(Self {
            tenants,
            selected,
            jobs,
        })
    }

    /// Returns the connection of the first tenant.
    pub(super) fn first(&self) -> Option<TenantConnection> {
        let first = self.selected.first()?;
        Some(self.tenants.connection(first))
    }

    /// Runs a task for each tenant, and closes the connections.
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

fn selection(target: Target, statuses: &[TenantStatus], default: &[TenantStatus]) -> TenantSelection {
    let is_named = matches!(target, Target::Shared | Target::Tenants(_));
    let selection = TenantSelection::from(target);
    match statuses {
        [] if is_named => selection,
        [] => selection.with_status(default.iter().copied()),
        statuses => selection.with_status(statuses.iter().copied()),
    }
}

//! Work for tenants that the arguments name, and its results.

use std::{future::Future, io::Write};

use tenant_core::{Tenant, TenantConnection, TenantStatus, Tenants};

use crate::{
    cli::{
        Context,
        args::{TargetArgs, at_least_one},
        error::CliError,
        output::count,
        target::target,
        tenant::tenant_table::{Cells, TenantTable},
    },
    plan::{DEFAULT_JOBS, Target, TenantSelection, select},
    run::{Data, TaskError, for_each},
};

/// Tenants of a statement or a task, and options of the run.
#[derive(Debug, clap::Args)]
pub(crate) struct WorkArgs {
    /// Tenants of the run. One flag or `-s` is required. `--shared` is the public tenant.
    #[command(flatten)]
    target: TargetArgs,

    /// Only tenants with these statuses. Default: named tenants, whatever their status; otherwise active ones, and for `sql`
    /// also suspended ones and those in maintenance
    #[arg(long, value_name = "STATUS,...", value_delimiter = ',')]
    status: Vec<TenantStatus>,

    /// Number of tenants that run at the same time. Default: 4
    #[arg(short, long, value_name = "N", value_parser = at_least_one())]
    jobs: Option<u16>,

    /// Show the result as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// The result for each tenant.
pub(super) type Results<T> = Vec<(Tenant, Result<T, TaskError<String>>)>;

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

    /// Runs a task for each tenant, and closes the connections. The task describes its errors.
    pub(super) async fn for_each<T, F, W>(self, data: Data, task: F) -> Result<Results<T>, CliError>
    where
        F: Fn(TenantConnection) -> W + Send + Sync + 'static,
        W: Future<Output = Result<T, String>> + Send + 'static,
        T: Send + 'static,
    {
        let results = for_each(&self.tenants, self.selected, self.jobs, data, task).await;
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

/// Writes results, and returns an error if a tenant failed.
pub(super) fn finish<T>(
    results: &Results<T>,
    text: &str,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    writeln!(out, "{text}")?;
    match count_failed(results) {
        0 => Ok(()),
        failed => Err(CliError::TenantsFailed {
            failed,
            all: results.len(),
        }),
    }
}

/// Returns a table of the rows and errors of all tenants, and a summary such as "3 tenants: 7 rows, 1 failed".
pub(super) fn to_text<T>(
    results: &Results<T>,
    rows: impl Fn(&T) -> Result<Vec<Cells>, CliError>,
    done: &str,
) -> Result<String, CliError> {
    let mut table = TenantTable::default();
    for (tenant, result) in results {
        match result {
            Ok(result) => rows(result)?
                .into_iter()
                .for_each(|cells| table.add_row(tenant, cells)),
            Err(error) => table.add_error(tenant, &error.to_string()),
        }
    }
    let table = table.to_table().map(|table| format!("{}\n\n", table.trim_fmt()));
    let (table, tenants) = (table.unwrap_or_default(), count(results.len(), "tenant"));
    Ok(match count_failed(results) {
        0 => format!("{table}{tenants}: {done}"),
        failed => format!("{table}{tenants}: {done}, {failed} failed"),
    })
}

fn count_failed<T>(results: &Results<T>) -> usize {
    results.iter().filter(|(_, result)| result.is_err()).count()
}

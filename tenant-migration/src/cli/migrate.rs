//! `up`, `down`, `fresh`, `refresh`, `reset` and `status`.

use std::io::Write;

use tenant_core::{SchemaName, Scope};

use super::{
    Command, Context,
    error::CliError,
    output::{Lines, show_details, show_overview, show_summary},
};
use crate::{
    executor::Executor,
    plan::{Action, Plan, Target},
};

/// Runs an action and shows it.
pub(super) async fn run(
    context: &Context<'_>,
    command: Command,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let (target, action) = (context.target()?, action(&command));
    let executor = context.executor().await?;
    let plan = executor.plan(&target, action).await?;
    if let Some(note) = note(&target, action, &plan) {
        writeln!(out, "{note}")?;
    }
    let mut lines = Lines::new(out, &plan, context.is_verbose);
    let report = executor.run(plan, &mut lines).await;
    lines.finish()?;
    executor.close().await?;
    show_summary(&report, out)?;
    let all = report.schemas().len();
    match report
        .schemas()
        .iter()
        .filter(|schema| !schema.is_success())
        .count()
    {
        0 => Ok(()),
        failed => Err(CliError::Failed { failed, all }),
    }
}

/// Shows what is applied and what is pending. One schema is shown in full, many as a line each.
pub(super) async fn status(context: &Context<'_>, out: &mut (dyn Write + Send)) -> Result<(), CliError> {
    let executor = context.executor().await?;
    let statuses = executor.status(&context.target()?).await?;
    executor.close().await?;
    if context.is_verbose || context.schema.is_some() {
        show_details(&statuses, out)?;
    } else {
        show_overview(&statuses, out)?;
    }
    let obstacles = statuses
        .iter()
        .filter(|status| !status.exists() || !status.unknown().is_empty());
    match obstacles.count() {
        0 => Ok(()),
        count => Err(CliError::Obstacles {
            count,
            all: statuses.len(),
        }),
    }
}

fn action(command: &Command) -> Action {
    match command {
        Command::Down { num } => Action::Down { steps: *num },
        Command::Fresh => Action::Fresh,
        Command::Refresh => Action::Refresh,
        Command::Reset => Action::Reset,
        Command::Up { num } => Action::Up { steps: *num },
        _ => Action::UP,
    }
}

/// What an action without a schema leaves out.
fn note(target: &Target, action: Action, plan: &Plan) -> Option<&'static str> {
    let has_tenants = plan
        .schemas()
        .iter()
        .any(|schema| schema.scope() == Scope::Tenant);
    match action {
        _ if *target != Target::All => None,
        Action::Down { .. } if !has_tenants => {
            Some("There are no tenants. To roll back the shared schema, name it: -s public")
        }
        Action::Down { .. } | Action::Reset if has_tenants => {
            Some("Tenants only: the shared schema stays as it is. To roll it back, name it: -s public")
        }
        Action::Fresh | Action::Refresh if has_tenants => {
            Some("Tenants only: the shared schema keeps what it has, and gets what is pending.")
        }
        _ => None,
    }
}

impl Context<'_> {
    fn target(&self) -> Result<Target, CliError> {
        Ok(match &self.schema {
            None => Target::All,
            Some(name) => match SchemaName::new(name)? {
                schema if schema.is_shared() => Target::Shared,
                schema => Target::Tenants(vec![schema]),
            },
        })
    }

    async fn executor(&self) -> Result<Executor, CliError> {
        let options = self.options()?;
        let executor = Executor::connect(options, self.migrations.clone()).await;
        executor.map_err(|error| self.unreachable(error))
    }
}

//! `up`, `down`, `fresh`, `refresh`, `reset` and `status`.

use std::{io::Write, time::Duration};

use tenant_core::{SchemaName, Scope};

use super::{
    Command, Context, RunArgs,
    error::CliError,
    output::{Lines, show_details, show_overview, show_summary},
};
use crate::{
    executor::Executor,
    plan::{Action, Plan, Target},
    run_options::{Canary, RunOptions},
};

/// Runs an action and shows it.
pub(super) async fn run(
    context: &Context<'_>,
    command: Command,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let (action, args) = action(command);
    let target = context.target()?;
    let executor = context.executor().await?.with_options(options(&args)?);
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
        .filter(|status| !status.exists() || !status.unknown().is_empty() || status.unfinished().is_some());
    match obstacles.count() {
        0 => Ok(()),
        count => Err(CliError::Obstacles {
            count,
            all: statuses.len(),
        }),
    }
}

fn action(command: Command) -> (Action, RunArgs) {
    match command {
        Command::Down { num, run } => (Action::Down { steps: num }, run),
        Command::Fresh { run } => (Action::Fresh, run),
        Command::Refresh { run } => (Action::Refresh, run),
        Command::Reset { run } => (Action::Reset, run),
        Command::Up { num, run } => (Action::Up { steps: num }, run),
        _ => (Action::UP, RunArgs::default()),
    }
}

fn options(args: &RunArgs) -> Result<RunOptions, CliError> {
    let mut options = RunOptions::default();
    if let Some(jobs) = args.jobs {
        options = options.jobs(jobs.into());
    }
    if let Some(words) = &args.canary {
        options = options.canary(canary(words)?);
    }
    if let Some(failures) = args.max_failures {
        options = options.max_failures(failures.into());
    }
    if let Some(time) = args.lock_timeout {
        options = options.lock_timeout(Duration::from_millis(time.into()));
    }
    if let Some(time) = args.statement_timeout {
        options = options.statement_timeout(Duration::from_millis(time.into()));
    }
    Ok(options)
}

/// A number is how many; a tenant whose schema is a number is named with a comma, `7,`.
fn canary(words: &str) -> Result<Canary, CliError> {
    if let Ok(count) = words.parse() {
        return Ok(Canary::First(count));
    }
    let schemas = words.split(',').map(str::trim).filter(|word| !word.is_empty());
    let schemas: Result<_, _> = schemas.map(SchemaName::for_tenant).collect();
    Ok(Canary::Tenants(schemas?))
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

//! `up`, `down`, `fresh`, `refresh`, `reset` and `status`.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use tenant_core::SchemaName;

use crate::{
    cli::{
        Context,
        args::{Command, RunArgs, TargetArgs},
        confirm::confirm,
        error::CliError,
        json,
        output::{Lines, describe_plan, describe_previews, describe_statuses, list_migrations, summary},
        progress::Bar,
        target::{describe, target},
    },
    plan::{Action, Canary, Plan, Report, RunOptions, SchemaPlan, Target},
    run::Executor,
};

/// Runs an action and writes its results.
pub(super) async fn run(
    context: &Context<'_>,
    command: Command,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let (action, args) = action(command);
    let target = target(context, &args.target)?;
    if target == Target::All && action.empties() {
        return Err(CliError::NoTarget { action });
    }
    let executor = context.executor().await?.with_options(options(&args)?);
    let result = run_action(context, &executor, &target, action, &args, out).await;
    executor.close().await?;
    result
}

async fn run_action(
    context: &Context<'_>,
    executor: &Executor,
    target: &Target,
    action: Action,
    args: &RunArgs,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let plan = executor.plan(target, action).await?;
    if args.dry_run {
        return dry_run(context, executor, &plan, args, out).await;
    }
    if action.empties() {
        let what = format!("`{action}` on {} drops data", describe(target));
        confirm(context, args.confirmation, &what)?;
    }
    let begun = Instant::now();
    let report = match args.json {
        true => executor.run(plan, &mut ()).await,
        false => run_with_output(context, executor, target, action, plan, out).await?,
    };
    match args.json {
        true => writeln!(out, "{:#}", json::report(&report, begun.elapsed()))?,
        false => write!(out, "{}", summary(&report, begun.elapsed()))?,
    }
    let all = report.schemas.len();
    let failed = report.schemas.iter().filter(|schema| !schema.is_success());
    match failed.count() {
        0 => Ok(()),
        failed => Err(CliError::Failed { failed, all }),
    }
}

/// Runs a plan with a line for each schema, or on a terminal with a progress bar.
async fn run_with_output(
    context: &Context<'_>,
    executor: &Executor,
    target: &Target,
    action: Action,
    plan: Plan,
    out: &mut (dyn Write + Send),
) -> Result<Report, CliError> {
    if let Some(notice) = notice(target, action, &plan) {
        writeln!(out, "{notice}")?;
    }
    if context.terminal.has_progress && plan.schemas().len() > 1 {
        let mut bar = Bar::new(&plan, context.is_verbose);
        let report = executor.run(plan, &mut bar).await;
        bar.finish();
        return Ok(report);
    }
    let mut lines = Lines::new(out, &plan, context.is_verbose);
    let report = executor.run(plan, &mut lines).await;
    lines.finish()?;
    Ok(report)
}

/// Writes the steps of a plan, or their SQL, and runs nothing.
async fn dry_run(
    context: &Context<'_>,
    executor: &Executor,
    plan: &Plan,
    args: &RunArgs,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let previews = match args.sql {
        true => executor.preview(plan).await?,
        false => Vec::new(),
    };
    let text = match args.json {
        true => format!("{:#}", json::plan(plan, &previews)),
        false if args.sql => describe_previews(&previews),
        false => describe_plan(plan, context.is_verbose),
    };
    writeln!(out, "{text}")?;
    let is_obstacle = |schema: &&SchemaPlan| schema.steps().is_err();
    let obstacles = plan.schemas().iter().filter(is_obstacle).count();
    let failed = previews.iter().filter(|preview| preview.statements.is_err());
    require_none(obstacles.max(failed.count()), plan.schemas().len())
}

/// Writes applied and pending migrations: all names for one schema, one line a schema for several.
pub(super) async fn status(
    context: &Context<'_>,
    args: &TargetArgs,
    as_json: bool,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let target = target(context, args)?;
    let executor = context.executor().await?;
    let statuses = executor.status(&target).await?;
    executor.close().await?;
    let text = match as_json {
        true => format!("{:#}", json::statuses(&statuses)),
        false if context.is_verbose || context.schema.is_some() => list_migrations(&statuses),
        false => describe_statuses(&statuses),
    };
    writeln!(out, "{text}")?;
    let obstacles = statuses
        .iter()
        .filter(|status| !status.exists || !status.unknown.is_empty() || status.unfinished.is_some());
    require_none(obstacles.count(), statuses.len())
}

/// Returns an error if there are schemas that cannot be migrated.
fn require_none(count: usize, all: usize) -> Result<(), CliError> {
    match count {
        0 => Ok(()),
        count => Err(CliError::Obstacles { count, all }),
    }
}

fn action(command: Command) -> (Action, RunArgs) {
    match command {
        Command::Down { num, run } => (Action::Down { steps: num }, run),
        Command::Fresh(run) => (Action::Fresh, run),
        Command::Refresh(run) => (Action::Refresh, run),
        Command::Reset(run) => (Action::Reset, run),
        Command::Up {
            num,
            fake: false,
            run,
        } => (Action::Up { steps: num }, run),
        Command::Up { num, run, .. } => (Action::Fake { steps: num }, run),
        _ => (Action::UP, RunArgs::default()),
    }
}

fn options(args: &RunArgs) -> Result<RunOptions, CliError> {
    let milliseconds = |time: u32| Duration::from_millis(time.into());
    let defaults = RunOptions::default();
    Ok(RunOptions {
        jobs: args.jobs.map_or(defaults.jobs, usize::from),
        canary: args.canary.as_deref().map_or(Ok(defaults.canary), parse_canary)?,
        max_failures: args.max_failures.map(usize::from),
        lock_timeout: args.lock_timeout.map_or(defaults.lock_timeout, milliseconds),
        statement_timeout: args
            .statement_timeout
            .map_or(defaults.statement_timeout, milliseconds),
        attempts: defaults.attempts,
    })
}

/// Parses `--canary`. A number is a number of tenants; a tenant whose schema is a number is named with a comma, `7,`.
fn parse_canary(value: &str) -> Result<Canary, CliError> {
    if let Ok(count) = value.parse() {
        return Ok(Canary::First(count));
    }
    let schemas = value.split(',').map(str::trim).filter(|name| !name.is_empty());
    let schemas: Result<_, _> = schemas.map(SchemaName::for_tenant).collect();
    Ok(Canary::Tenants(schemas?))
}

/// Returns a notice that `down` without a schema leaves out the shared schema.
fn notice(target: &Target, action: Action, plan: &Plan) -> Option<&'static str> {
    let has_tenants = plan.schemas().iter().any(|schema| !schema.schema().is_shared());
    match action {
        _ if *target != Target::All => None,
        Action::Down { .. } if !has_tenants => {
            Some("There are no tenants. To roll back the shared schema, name it: -s public")
        }
        Action::Down { .. } => {
            Some("Tenants only: the shared schema stays as it is. To roll it back, name it: -s public")
        }
        _ => None,
    }
}

impl Context<'_> {
    async fn executor(&self) -> Result<Executor, CliError> {
        let options = self.options()?;
        let executor = Executor::connect(options, self.migrations.clone()).await;
        executor.map_err(|error| self.session_error(error))
    }
}

//! Output for programs: JSON.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    cli::output::outcome_word,
    define::Step,
    plan::{Outcome, Plan, Report, SchemaPlan, SchemaReport, SchemaStatus},
    run::Preview,
};

/// Returns the outcome of each schema. Times are in milliseconds.
pub(super) fn report(report: &Report, time: Duration) -> Value {
    let schemas: Vec<_> = report.schemas.iter().map(schema).collect();
    json!({
        "success": report.is_success(),
        "ms": milliseconds(time),
        "schemas": schemas,
    })
}

fn schema(report: &SchemaReport) -> Value {
    let (done, error) = match &report.outcome {
        Outcome::Done(done) => (steps(done), Value::Null),
        Outcome::Failed { done, error } => (steps(done), error.to_string().into()),
        Outcome::UpToDate => (steps(&[]), Value::Null),
        Outcome::NotReached(reason) => (steps(&[]), reason.to_string().into()),
    };
    json!({
        "schema": report.schema,
        "outcome": outcome_word(&report.outcome),
        "steps": done,
        "error": error,
        "ms": milliseconds(report.time),
    })
}

/// Returns the planned steps of each schema, with their SQL if there are previews.
pub(super) fn plan(plan: &Plan, previews: &[Preview]) -> Value {
    let previews = previews.iter().map(Some).chain(std::iter::repeat(None));
    let schemas = plan.schemas().iter().zip(previews);
    schemas
        .map(|(schema, preview)| planned(schema, preview))
        .collect()
}

fn planned(schema: &SchemaPlan, preview: Option<&Preview>) -> Value {
    let mut planned = json!({
        "schema": schema.schema(),
        "kind": schema.kind(),
        "steps": schema.steps().map_or(Value::Null, steps),
        "error": schema.steps().err().map(ToString::to_string),
    });
    match preview.map(|preview| &preview.statements) {
        Some(Ok(statements)) => planned["sql"] = statements.as_slice().into(),
        Some(Err(error)) => planned["error"] = error.to_string().into(),
        None => {}
    }
    planned
}

pub(super) fn statuses(statuses: &[SchemaStatus]) -> Value {
    let status = |status: &SchemaStatus| {
        json!({
            "schema": status.schema,
            "kind": status.kind.as_deref(),
            "exists": status.exists,
            "applied": names(&status.applied),
            "pending": names(&status.pending),
            "unknown": status.unknown,
            "unfinished": status.unfinished.as_ref().map(step),
            "last_failure": status.last_failure,
        })
    };
    statuses.iter().map(status).collect()
}

fn names(names: &[std::sync::Arc<str>]) -> Vec<&str> {
    names.iter().map(|name| &**name).collect()
}

fn steps(steps: &[Step]) -> Value {
    steps.iter().map(step).collect()
}

fn step(step: &Step) -> Value {
    let kind = match step {
        Step::Up(_) => "up",
        Step::Down(_) => "down",
        Step::Fake(_) => "fake",
        Step::Recreate => "recreate",
        Step::DropLedger => "drop ledger",
    };
    json!({ "step": kind, "migration": step.migration() })
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

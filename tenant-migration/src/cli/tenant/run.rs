//! `tenant run`.

use std::{io::Write, sync::Arc};

use sea_orm::DbErr;
use serde_json::{Value, json};
use tenant_core::TenantStatus;

use crate::{
    cli::{
        Context,
        error::CliError,
        tenant::work::{Results, SelectedTenants, WorkArgs, finish, to_text},
    },
    database::reason,
    define::AnyError,
    run::Data,
};

/// Number of connections that a task may use at the same time: one for a transaction, and one for other statements.
const CONNECTIONS_PER_TASK: usize = 2;

/// Arguments of `tenant run`.
#[derive(Debug, clap::Args)]
pub(crate) struct TaskArgs {
    /// The name of the task
    name: String,

    #[command(flatten)]
    work: WorkArgs,
}

pub(super) async fn run(
    context: &Context<'_>,
    args: TaskArgs,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let TaskArgs { name, work } = args;
    let tasks = context.migrations.for_tenants();
    let task = tasks.task(&name).cloned().ok_or_else(|| CliError::NoSuchTask {
        name,
        known: tasks.names(),
    })?;
    let selected =
        SelectedTenants::new(context, &work, &[TenantStatus::Active], CONNECTIONS_PER_TASK).await?;
    let results = selected.for_each(Data::Load, move |db| {
        let task = Arc::clone(&task);
        async move { task(db).await.map_err(|error| describe(&error)) }
    });
    let results = results.await?;
    let text = match work.json {
        true => format!("{:#}", to_json(&results)),
        false => {
            let done = results.iter().filter(|(_, result)| result.is_ok()).count();
            let row = |value: &Value| Ok(vec![vec![("result".to_owned(), Some(cell(value)))]]);
            to_text(&results, row, &format!("{done} done"))?
        }
    };
    finish(&results, &text, out)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "done".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn to_json(results: &Results<Value>) -> Value {
    let results = results.iter().map(|(tenant, result)| {
        let error = result.as_ref().err().map(ToString::to_string);
        json!({ "schema": tenant.schema(), "result": result.as_ref().ok(), "error": error })
    });
    results.collect()
}

fn describe(error: &AnyError) -> String {
    match error.downcast_ref::<DbErr>() {
        Some(error) => reason(error),
        None => error.to_string(),
    }
}

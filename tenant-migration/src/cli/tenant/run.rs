//! `tenant run`.

use std::{io::Write, sync::Arc};

use sea_orm::DbErr;
use serde_json::{Value, json};

use crate::{
    cli::{
        Context,
        error::CliError,
        tenant::{
            WorkArgs,
            each::{Chosen, Results, failed, require_success, summary, why},
            sheet::Sheet,
        },
    },
    database::reason,
    define::AnyError,
};

/// How many connections a task may use at once: one for a transaction, and one beside it.
const CONNECTIONS: usize = 2;

pub(super) async fn run(
    context: &Context<'_>,
    name: &str,
    work: &WorkArgs,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let tasks = context.migrations.for_tenants();
    let task = Arc::clone(tasks.task(name).ok_or_else(|| CliError::NoSuchTask {
        name: name.to_owned(),
        known: tasks.names(),
    })?);
    let chosen = Chosen::new(context, work, CONNECTIONS).await?;
    let results = chosen.for_each(move |db| task(db)).await?;
    match work.json {
        true => writeln!(out, "{:#}", to_json(&results))?,
        false => show(&results, out)?,
    }
    require_success(&results)
}

fn show(results: &Results<Value, AnyError>, out: &mut (dyn Write + Send)) -> Result<(), CliError> {
    let mut sheet = Sheet::default();
    for (tenant, result) in results {
        match result {
            Ok(value) => sheet.add(tenant, vec![("result".to_owned(), Some(text(value)))]),
            Err(error) => sheet.add_error(tenant, &why(error, words)),
        }
    }
    if let Some(table) = sheet.table() {
        writeln!(out, "{}\n", table.trim_fmt())?;
    }
    let done = format!("{} done", results.len() - failed(results));
    writeln!(out, "{}", summary(results, &done))?;
    Ok(())
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "done".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn to_json(results: &Results<Value, AnyError>) -> Value {
    let results = results.iter().map(|(tenant, result)| {
        let error = result.as_ref().err().map(|error| why(error, words));
        json!({ "schema": tenant.schema(), "result": result.as_ref().ok(), "error": error })
    });
    results.collect()
}

fn words(error: &AnyError) -> String {
    match error.downcast_ref::<DbErr>() {
        Some(error) => reason(error),
        None => error.to_string(),
    }
}

//! `tenant run`.

use std::{io::Write, sync::Arc};

use sea_orm::DbErr;
use serde_json::{Value, json};
use tenant_core::TenantStatus;

use crate::{
    cli::{
        Context,
        error::CliError,
        tenant::{
            WorkArgs,
            results::{Results, count_failed, describe_error, require_success, summary},
            selected_tenants::SelectedTenants,
            tenant_table::TenantTable,
        },
    },
    database::reason,
    define::AnyError,
};

/// Number of connections that a task may use at the same time: one for a transaction, and one for other statements.
const CONNECTIONS_PER_TASK: usize = 2;

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
    let selected = SelectedTenants::new(context, work, &[TenantStatus::Active], CONNECTIONS_PER_TASK).await?;
    let results = selected.for_each(move |db| task(db)).await?;
    match work.json {
        true => writeln!(out, "{:#}", to_json(&results))?,
        false => show(&results, out)?,
    }
    require_success(&results)
}

fn show(results: &Results<Value, AnyError>, out: &mut (dyn Write + Send)) -> Result<(), CliError> {
    let mut table = TenantTable::default();
    for (tenant, result) in results {
        match result {
            Ok(value) => table.add_row(tenant, vec![("result".to_owned(), Some(text(value)))]),
            Err(error) => table.add_error(tenant, &describe_error(error, describe)),
        }
    }
    if let Some(table) = table.to_table() {
        writeln!(out, "{}\n", table.trim_fmt())?;
    }
    let done = format!("{} done", results.len() - count_failed(results));
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
        let error = result.as_ref().err().map(|error| describe_error(error, describe));
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

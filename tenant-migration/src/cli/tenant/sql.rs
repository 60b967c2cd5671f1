//! `tenant sql`.

use std::{
    io::{self, Write},
    sync::Arc,
};

use sea_orm::{
    AccessMode, ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, TransactionSession,
    TransactionTrait,
};
use serde_json::{Value, json};
use tenant_core::{
    __private::{StatementKind, statement_kind},
    ConnectionError, TenantConnection, TenantTransaction,
};

use crate::{
    cli::{
        Context,
        error::CliError,
        tenant::{
            WorkArgs,
            each::{Chosen, Results, require_success, summary, why},
            sheet::Sheet,
        },
    },
    database::{reason, sqlstate},
};

pub(super) async fn run(
    context: &Context<'_>,
    statement: &str,
    writes: bool,
    work: &WorkArgs,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let question = Arc::new(Question::new(statement, writes, work.json)?);
    let chosen = Chosen::new(context, work, 1).await?;
    if let Some(db) = chosen.first() {
        question.check(&db)?;
    }
    let results = chosen
        .for_each(move |db| {
            let question = Arc::clone(&question);
            async move { question.ask(&db).await }
        })
        .await?;
    match work.json {
        true => writeln!(out, "{}", to_json(&results))?,
        false => show(&results, out)?,
    }
    require_success(&results)
}

/// A statement, and what is wanted of it.
struct Question {
    /// As it was written, without the semicolon at its end.
    written: String,
    /// What is run.
    sql: String,
    kind: StatementKind,
    format: Format,
    access: AccessMode,
}

/// In what form a row is wanted. Both are JSON that PostgreSQL makes, as it knows all types.
#[derive(Clone, Copy)]
enum Format {
    /// An object.
    Object,
    /// A list of names and texts, for columns have an order and may have the same name.
    Cells,
}

/// What a statement gave.
enum Answer {
    /// Rows, each in the form that was wanted.
    Rows(Vec<String>),
    /// How many rows were changed.
    Count(u64),
}

impl Question {
    fn new(statement: &str, writes: bool, as_json: bool) -> Result<Self, CliError> {
        let kind = statement_kind(statement)?;
        let written = statement.trim_end().trim_end_matches(';').to_owned();
        let format = if as_json { Format::Object } else { Format::Cells };
        let sql = match kind {
            StatementKind::Schema => return Err(CliError::ChangesSchema),
            StatementKind::Rows => format.wrap(&written),
            StatementKind::Count | StatementKind::Plan => written.clone(),
        };
        let access = if writes {
            AccessMode::ReadWrite
        } else {
            AccessMode::ReadOnly
        };
        Ok(Self {
            written,
            sql,
            kind,
            format,
            access,
        })
    }

    /// Refuses at once what would be refused for every tenant: the statement as it stands, and in its wrapping.
    fn check(&self, db: &TenantConnection) -> Result<(), CliError> {
        for sql in [&self.written, &self.sql] {
            db.render(sql)
                .map_err(|error| match ConnectionError::of(&error) {
                    Some(ConnectionError::Refused { refusal, .. }) => refusal.clone().into(),
                    _ => CliError::Database(error),
                })?;
        }
        Ok(())
    }

    async fn ask(&self, db: &TenantConnection) -> Result<Answer, DbErr> {
        let transaction = db.begin_with_config(None, Some(self.access)).await?;
        let answer = self.ask_in(&transaction).await?;
        transaction.commit().await?;
        Ok(answer)
    }

    async fn ask_in(&self, db: &TenantTransaction) -> Result<Answer, DbErr> {
        let statement = Statement::from_string(DbBackend::Postgres, &self.sql);
        if self.kind == StatementKind::Count {
            return Ok(Answer::Count(db.execute_raw(statement).await?.rows_affected()));
        }
        let rows = db.query_all_raw(statement).await?;
        let row = |row| match self.kind {
            StatementKind::Plan => Ok(self.format.plan(&plan_text(row)?)),
            _ => row.try_get_by_index(0),
        };
        rows.iter().map(row).collect::<Result<_, _>>().map(Answer::Rows)
    }
}

impl Format {
    /// The statement in a WITH, on lines of its own: its last may end in a comment.
    fn wrap(self, statement: &str) -> String {
        // With the star it is the row, even where a column has the same name.
        let row = match self {
            Self::Object => "pg_catalog.row_to_json(\"the answer\".*)",
            Self::Cells => {
                "coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_array(key, value)) \
                 FROM pg_catalog.json_each_text(pg_catalog.row_to_json(\"the answer\".*))), '[]')"
            }
        };
        format!("WITH \"the answer\" AS (\n{statement}\n) SELECT {row}::text FROM \"the answer\"")
    }

    /// A row of EXPLAIN.
    fn plan(self, text: &str) -> String {
        const COLUMN: &str = "QUERY PLAN";
        match self {
            Self::Object => json!({ COLUMN: text }),
            Self::Cells => json!([[COLUMN, text]]),
        }
        .to_string()
    }
}

/// EXPLAIN gives a text, or JSON if it is asked to.
fn plan_text(row: &QueryResult) -> Result<String, DbErr> {
    row.try_get_by_index(0)
        .or_else(|_| Ok(format!("{:#}", row.try_get_by_index::<Value>(0)?)))
}

fn show(results: &Results<Answer, DbErr>, out: &mut (dyn Write + Send)) -> Result<(), CliError> {
    let mut sheet = Sheet::default();
    let (mut rows, mut changed) = (0, None);
    for (tenant, result) in results {
        match result {
            Ok(Answer::Rows(answer)) => {
                rows += answer.len();
                for row in answer {
                    sheet.add(tenant, serde_json::from_str(row).map_err(io::Error::from)?);
                }
            }
            Ok(Answer::Count(count)) => {
                *changed.get_or_insert(0) += count;
                sheet.add(tenant, vec![("rows changed".to_owned(), Some(count.to_string()))]);
            }
            Err(error) => sheet.add_error(tenant, &why(error, words)),
        }
    }
    if let Some(table) = sheet.table() {
        writeln!(out, "{}\n", table.trim_fmt())?;
    }
    let done = match changed {
        Some(1) => "1 row changed".to_owned(),
        Some(changed) => format!("{changed} rows changed"),
        None if rows == 1 => "1 row".to_owned(),
        None => format!("{rows} rows"),
    };
    writeln!(out, "{}", summary(results, &done))?;
    Ok(())
}

/// The rows are put in as PostgreSQL wrote them: a `numeric` keeps all of its digits, and columns their order.
fn to_json(results: &Results<Answer, DbErr>) -> String {
    let objects = results.iter().map(|(tenant, result)| {
        let (rows, changed, error) = match result {
            Ok(Answer::Rows(rows)) => (list(rows), Value::Null, Value::Null),
            Ok(Answer::Count(count)) => ("null".to_owned(), json!(count), Value::Null),
            Err(error) => ("null".to_owned(), Value::Null, json!(why(error, words))),
        };
        let schema = json!(tenant.schema());
        format!(r#"{{"schema":{schema},"error":{error},"changed":{changed},"rows":{rows}}}"#)
    });
    list(&objects.collect::<Vec<_>>())
}

fn list(items: &[String]) -> String {
    match items {
        [] => "[]".to_owned(),
        items => format!("[\n{}\n]", items.join(",\n")),
    }
}

fn words(error: &DbErr) -> String {
    match sqlstate(error) {
        // read_only_sql_transaction
        Some("25006") => format!("{}: say --write to let it", reason(error)),
        // feature_not_supported
        Some("0A000") => format!("{}: write the change by itself, with RETURNING", reason(error)),
        _ => reason(error),
    }
}

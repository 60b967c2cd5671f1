//! `tenant sql`.

use std::{
    io::{self, Write},
    sync::Arc,
};

use sea_orm::{AccessMode, ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, TransactionTrait};
use serde_json::{Value, json};
use tenant_core::{
    __private::{StatementKind, statement_kind},
    ConnectionError, TenantConnection, TenantStatus, TenantTransaction,
};

use crate::{
    cli::{
        Context,
        error::CliError,
        output::count,
        tenant::{
            tenant_table::Cells,
            work::{Results, SelectedTenants, WorkArgs, finish, to_text},
        },
    },
    database::{reason, sqlstate},
    run::Data,
};

/// Arguments of `tenant sql`.
#[derive(Debug, clap::Args)]
pub(crate) struct SqlArgs {
    /// The statement, such as 'SELECT count(*) FROM note'
    statement: String,

    #[command(flatten)]
    work: WorkArgs,

    /// Allow the statement to change rows
    #[arg(long)]
    write: bool,
}

/// Statuses of tenants whose rows are in use. A change of rows must not leave out a tenant that comes back.
const IN_USE: [TenantStatus; 3] = [
    TenantStatus::Active,
    TenantStatus::Suspended,
    TenantStatus::Maintenance,
];

pub(super) async fn run(
    context: &Context<'_>,
    args: SqlArgs,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let is_json = args.work.json;
    let statement = Arc::new(TenantStatement::new(&args.statement, args.write, is_json)?);
    let selected = SelectedTenants::new(context, &args.work, &IN_USE, 1).await?;
    if let Some(db) = selected.first() {
        statement.check(&db)?;
    }
    let results = selected.for_each(Data::Skip, move |db| {
        let statement = Arc::clone(&statement);
        async move { statement.run(&db).await.map_err(|error| describe(&error)) }
    });
    let results = results.await?;
    let text = match is_json {
        true => to_json(&results),
        false => to_text(&results, rows, &summary(&results))?,
    };
    finish(&results, &text, out)
}

/// A statement for each tenant, the format of its rows and its access mode.
struct TenantStatement {
    /// The user's statement, without a semicolon at the end.
    original: String,
    /// The statement that runs: `original`, for rows inside of a WITH that converts them to JSON.
    sql: String,
    kind: StatementKind,
    format: Format,
    access: AccessMode,
}

/// JSON format of a row. PostgreSQL writes the JSON, because it knows all types.
#[derive(Clone, Copy)]
enum Format {
    /// An object.
    Object,
    /// An array of pairs of name and text. It keeps the order of columns, and several columns with the same name.
    Cells,
}

/// Result of a statement.
enum StatementResult {
    /// Rows, each as JSON of the statement's format.
    Rows(Vec<String>),
    /// Number of changed rows.
    Count(u64),
}

impl TenantStatement {
    fn new(sql: &str, writes: bool, as_json: bool) -> Result<Self, CliError> {
        let kind = statement_kind(sql)?;
        let original = sql.trim_end().trim_end_matches(';').to_owned();
        let format = if as_json { Format::Object } else { Format::Cells };
        let sql = match kind {
            StatementKind::Schema => return Err(CliError::ChangesSchema),
            StatementKind::Rows => format.wrap(&original),
            StatementKind::Count | StatementKind::Plan => original.clone(),
        };
        let access = if writes {
            AccessMode::ReadWrite
        } else {
            AccessMode::ReadOnly
        };
        Ok(Self {
            original,
            sql,
            kind,
            format,
            access,
        })
    }

    /// Refuses a statement that would be refused for every tenant. It checks the user's statement first, for an error about
    /// that.
    fn check(&self, db: &TenantConnection) -> Result<(), CliError> {
        for sql in [&self.original, &self.sql] {
            db.render(sql)
                .map_err(|error| match ConnectionError::of(&error) {
                    Some(ConnectionError::Refused { refusal, .. }) => refusal.clone().into(),
                    _ => CliError::Database(error),
                })?;
        }
        Ok(())
    }

    async fn run(&self, db: &TenantConnection) -> Result<StatementResult, DbErr> {
        let transaction = db.begin_with_config(None, Some(self.access)).await?;
        let result = self.run_in(&transaction).await?;
        transaction.commit().await?;
        Ok(result)
    }

    async fn run_in(&self, db: &TenantTransaction) -> Result<StatementResult, DbErr> {
        let statement = Statement::from_string(DbBackend::Postgres, &self.sql);
        if self.kind == StatementKind::Count {
            let count = db.execute_raw(statement).await?.rows_affected();
            return Ok(StatementResult::Count(count));
        }
        let rows = db.query_all_raw(statement).await?;
        let row = |row| match self.kind {
            StatementKind::Plan => Ok(self.format.plan(&plan_text(row)?)),
            _ => row.try_get_by_index(0),
        };
        let rows: Result<_, _> = rows.iter().map(row).collect();
        rows.map(StatementResult::Rows)
    }
}

impl Format {
    /// Puts a statement into a WITH, on lines of its own, because its last line may end in a comment.
    fn wrap(self, statement: &str) -> String {
        // With the star the name means the row. Without it, the name could mean a column that is called the same.
        let row = match self {
            Self::Object => "pg_catalog.row_to_json(\"the answer\".*)",
            Self::Cells => {
                "coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_array(key, value)) \
                 FROM pg_catalog.json_each_text(pg_catalog.row_to_json(\"the answer\".*))), '[]')"
            }
        };
        format!("WITH \"the answer\" AS (\n{statement}\n) SELECT {row}::text FROM \"the answer\"")
    }

    /// Formats a row of EXPLAIN.
    fn plan(self, text: &str) -> String {
        const COLUMN: &str = "QUERY PLAN";
        match self {
            Self::Object => json!({ COLUMN: text }),
            Self::Cells => json!([[COLUMN, text]]),
        }
        .to_string()
    }
}

/// Returns a row of EXPLAIN, which is a text, or JSON with `FORMAT JSON`.
fn plan_text(row: &QueryResult) -> Result<String, DbErr> {
    row.try_get_by_index(0)
        .or_else(|_| Ok(format!("{:#}", row.try_get_by_index::<Value>(0)?)))
}

fn rows(result: &StatementResult) -> Result<Vec<Cells>, CliError> {
    match result {
        StatementResult::Rows(rows) => {
            let rows = rows.iter().map(|row| serde_json::from_str(row));
            Ok(rows.collect::<Result<_, _>>().map_err(io::Error::from)?)
        }
        StatementResult::Count(count) => Ok(vec![vec![("rows changed".to_owned(), Some(count.to_string()))]]),
    }
}

/// Returns the number of rows of all tenants, such as "7 rows" or "1 row changed".
fn summary(results: &Results<StatementResult>) -> String {
    let (mut rows, mut changed) = (0, None);
    for result in results.iter().filter_map(|(_, result)| result.as_ref().ok()) {
        match result {
            StatementResult::Rows(found) => rows += found.len(),
            StatementResult::Count(count) => *changed.get_or_insert(0) += count,
        }
    }
    match changed {
        Some(changed) => format!("{} changed", count(changed, "row")),
        None => count(rows, "row"),
    }
}

/// Returns the results as JSON. PostgreSQL's JSON of the rows is copied and not parsed: a `numeric` keeps all of its digits,
/// and columns keep their order.
fn to_json(results: &Results<StatementResult>) -> String {
    let objects = results.iter().map(|(tenant, result)| {
        let (rows, changed, error) = match result {
            Ok(StatementResult::Rows(rows)) => (json_array(rows), Value::Null, Value::Null),
            Ok(StatementResult::Count(count)) => ("null".to_owned(), json!(count), Value::Null),
            Err(error) => ("null".to_owned(), Value::Null, json!(error.to_string())),
        };
        let schema = json!(tenant.schema());
        format!(r#"{{"schema":{schema},"error":{error},"changed":{changed},"rows":{rows}}}"#)
    });
    json_array(&objects.collect::<Vec<_>>())
}

fn json_array(items: &[String]) -> String {
    match items {
        [] => "[]".to_owned(),
        items => format!("[\n{}\n]", items.join(",\n")),
    }
}

fn describe(error: &DbErr) -> String {
    match sqlstate(error) {
        // read_only_sql_transaction
        Some("25006") => format!("{}: add --write to allow changes", reason(error)),
        // feature_not_supported
        Some("0A000") => format!(
            "{}: write the change without a WITH, with RETURNING",
            reason(error)
        ),
        _ => reason(error),
    }
}

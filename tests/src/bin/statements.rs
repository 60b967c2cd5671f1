//! Compiles the statements of a file, and counts the outcomes: `scripts/statements --help`.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a tool of the developers prints, and a panic is its report"
)]

use std::{collections::BTreeMap, fs, path::PathBuf};

use clap::Parser;
use sea_orm::{
    DatabaseConnection,
    sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqlSafeStr},
};
use tenant_core::{
    ConnectionError, Refusal, SchemaName, Scope, Tenant, TenantConnection, TenantId, Tenants, TenantsBuilder,
};

/// Compiles the statements of a file, and prints how many were rendered, refused by each rule, and not parsed.
///
/// A table, type or function that is not registered counts as the tenant's.
#[derive(Parser)]
struct Arguments {
    /// File with one JSON string a line.
    file: PathBuf,
    /// Number of rendered statements, chosen at random, whose syntax PostgreSQL checks, on the server of DATABASE_URL.
    #[arg(long, default_value_t = 0, env = "CHECK")]
    check: usize,
    /// Seed of the random choice.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Prints the statements that were refused by rules whose name contains this text, such as `Unparseable`.
    #[arg(long)]
    show: Option<String>,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let text = fs::read_to_string(&arguments.file).expect("the file");
    let statements: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a string"))
        .collect();
    let mut judge = Judge::new().await;
    let mut rules: BTreeMap<String, usize> = BTreeMap::new();
    let mut rendered = Vec::new();
    for sql in &statements {
        match judge.render(sql).await {
            Ok(text) => rendered.push(text),
            Err(refusal) => {
                let rule = rule(&refusal);
                if arguments.show.as_ref().is_some_and(|shown| rule.contains(shown)) {
                    println!("{refusal}\n    {sql}");
                }
                *rules.entry(rule).or_default() += 1;
            }
        }
    }
    report(statements.len(), rendered.len(), &rules);
    if arguments.check > 0 {
        check(rendered, &arguments).await;
    }
}

/// A tenant's connection that registers each unknown name, and then compiles again.
struct Judge {
    names: Vec<(Kind, String)>,
    db: TenantConnection,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Table,
    Type,
    Function,
}

impl Judge {
    async fn new() -> Self {
        Self {
            names: Vec::new(),
            db: connection(&[]).await,
        }
    }

    async fn render(&mut self, sql: &str) -> Result<String, Refusal> {
        loop {
            let error = match self.db.render(sql) {
                Ok(text) => return Ok(text),
                Err(error) => error,
            };
            let Some(ConnectionError::Refused { refusal, .. }) = ConnectionError::of(&error) else {
                panic!("{error}: {sql}");
            };
            let unknown = match refusal {
                Refusal::UnknownTable { name, .. } => (Kind::Table, name.clone()),
                Refusal::UnknownType(name) => (Kind::Type, name.clone()),
                Refusal::UnknownFunction(name) => (Kind::Function, name.clone()),
                refusal => return Err(refusal.clone()),
            };
            if self.names.contains(&unknown) {
                return Err(refusal.clone());
            }
            self.names.push(unknown);
            self.db = connection(&self.names).await;
        }
    }
}

async fn connection(names: &[(Kind, String)]) -> TenantConnection {
    let add = |tenants: TenantsBuilder, (kind, name): &(Kind, String)| match kind {
        Kind::Table => tenants.table(Scope::Tenant, name),
        Kind::Type => tenants.ty(Scope::Tenant, name),
        Kind::Function => tenants.function(Scope::Tenant, name),
    };
    let tenants = names.iter().fold(Tenants::builder(), add);
    let tenants = tenants
        .from_connection(DatabaseConnection::default())
        .await
        .expect("a handle");
    tenants.connection(&Tenant::new(
        TenantId(1),
        SchemaName::new("acme").expect("a name"),
        "Acme",
    ))
}

/// Returns the name of a refusal's rule, with the refused construct if the rule has few of them.
fn rule(refusal: &Refusal) -> String {
    let name = format!("{refusal:?}");
    let variant = name.split(['(', ' ']).next().unwrap_or_default().to_owned();
    match refusal {
        Refusal::Statement(what, _) | Refusal::Construct(what, _) => format!("{variant}: {what}"),
        Refusal::Unreviewed(what) => format!("{variant}: {what}"),
        Refusal::Function(name, reason) => format!(
            "{variant}: {} ({name})",
            reason.chars().take(40).collect::<String>()
        ),
        Refusal::UnknownOperator(operator) => format!("{variant}: {operator}"),
        _ => variant,
    }
}

fn report(all: usize, rendered: usize, rules: &BTreeMap<String, usize>) {
    let unparsed = rules.get("Unparseable").copied().unwrap_or_default();
    let parsed = all - unparsed;
    println!("parsed    {parsed} of {all}, {:.2} %", percent(parsed, all));
    println!("rendered  {rendered} of {all}, {:.2} %", percent(rendered, all));
    for (rule, count) in rules {
        println!("{count:>9} {rule}");
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts of lines")]
fn percent(part: usize, all: usize) -> f64 {
    100.0 * part as f64 / all.max(1) as f64
}

/// Checks the syntax of statements by preparing them. Preparing fails because the tables are missing, but must not fail
/// with a syntax error.
async fn check(mut rendered: Vec<String>, arguments: &Arguments) {
    fastrand::seed(arguments.seed);
    fastrand::shuffle(&mut rendered);
    rendered.truncate(arguments.check);
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL");
    let mut server = PgConnection::connect(&url).await.expect("a server");
    let mut wrong = 0;
    for sql in &rendered {
        let prepared = (&mut server)
            .prepare(AssertSqlSafe(sql.clone()).into_sql_str())
            .await;
        let code = prepared
            .err()
            .and_then(|error| Some(error.as_database_error()?.code()?.into_owned()));
        if code.as_deref() == Some("42601") {
            println!("PostgreSQL finds no syntax in: {sql}");
            wrong += 1;
        }
    }
    println!(
        "checked   {} of them by PostgreSQL's syntax, {wrong} refused",
        rendered.len()
    );
    assert_eq!(wrong, 0, "PostgreSQL refused what was rendered");
}

//! The cost of compiling a statement, relative to executing it.
//!
//! `scripts/with-postgres cargo bench -p tests --bench statements` prints, for very large statements, the medians of both
//! times and their ratio. The target: compiling takes at most half as long as executing.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and a panic is its report"
)]

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseBackend, Statement, Value};
use tenant_core::{SchemaName, Scope, Tenant, TenantConnection, TenantId, Tenants};
use tests::{SELECT_WITH_JOIN, TestDatabase, median};

/// Maximum of rounds of a case.
const ROUNDS: usize = 9;
/// Time after which a case starts no further round.
const TIME: Duration = Duration::from_secs(5);

struct Case {
    name: &'static str,
    statement: Statement,
}

#[tokio::main]
async fn main() {
    let database = TestDatabase::create().await;
    let tenants = Tenants::builder().table(Scope::Tenant, "note");
    let tenants = tenants.connect(database.options()).await.unwrap();
    let plain = tenants.shared_connection();
    let schema = "CREATE SCHEMA acme; CREATE TABLE acme.note (id serial PRIMARY KEY, title text, size int, weight int);
        INSERT INTO acme.note (title) SELECT 'title' FROM generate_series(1, 10) n";
    plain.execute_unprepared(schema).await.unwrap();
    let acme = Tenant::new(TenantId(1), SchemaName::new("acme").unwrap(), "Acme");
    let acme = tenants.connection(&acme);

    println!(
        "{:<28} {:>10} {:>12} {:>12} {:>8}",
        "statement", "bytes", "compiling", "executing", "ratio"
    );
    println!("{:<28} {:>36.2?}", "a select, not kept", select_not_kept(&acme));
    for case in cases() {
        let rendered = acme.render(&case.statement.sql).unwrap();
        let mut compiling = Vec::new();
        let mut executing = Vec::new();
        let begun = Instant::now();
        while executing.len() < ROUNDS && (executing.is_empty() || begun.elapsed() < TIME) {
            let start = Instant::now();
            std::hint::black_box(acme.render(&case.statement.sql).unwrap());
            compiling.push(start.elapsed());
            let mut statement = case.statement.clone();
            statement.sql.clone_from(&rendered);
            let start = Instant::now();
            plain.execute_raw(statement).await.unwrap();
            executing.push(start.elapsed());
        }
        report(&case, median(compiling), median(executing));
    }
    tenants.close().await.unwrap();
}

/// Returns the median time to compile [`SELECT_WITH_JOIN`] without the cache: each text is new.
fn select_not_kept(acme: &TenantConnection) -> Duration {
    let compile = |n: u32| {
        let sql = format!("{SELECT_WITH_JOIN} /* {n} */");
        let start = Instant::now();
        std::hint::black_box(acme.render(&sql).unwrap());
        start.elapsed()
    };
    median((0..5_000).map(compile))
}

fn report(case: &Case, compiling: Duration, executing: Duration) {
    let ratio = compiling.as_secs_f64() / executing.as_secs_f64();
    let bytes = case.statement.sql.len();
    println!(
        "{:<28} {bytes:>10} {compiling:>12.2?} {executing:>12.2?} {ratio:>8.3}",
        case.name
    );
}

fn cases() -> Vec<Case> {
    let literal = format!("SELECT * FROM note WHERE title = '{}'", "x".repeat(1024 * 1024));
    let terms = (1..=60_000)
        .map(|n| format!("id = {n}"))
        .collect::<Vec<_>>()
        .join(" OR ");
    vec![
        case("insert, 10,000 rows of 2", insert(10_000), 20_000),
        case("insert, 32,767 rows of 2", insert(32_767), 65_534),
        case("IN, 65,535 parameters", in_list(65_535), 65_535),
        case("60,000 ORs", format!("SELECT * FROM note WHERE {terms}"), 0),
        case("1 MiB of literal", literal, 0),
        case("1 MiB of distinct columns", distinct(), 0),
    ]
}

fn case(name: &'static str, sql: String, parameters: i32) -> Case {
    let values = (0..parameters).map(Value::from);
    let statement = Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, values);
    Case { name, statement }
}

fn insert(rows: usize) -> String {
    let rows = (0..rows).map(|n| format!("(${}, ${})", 2 * n + 1, 2 * n + 2));
    format!(
        "INSERT INTO note (size, weight) VALUES {}",
        rows.collect::<Vec<_>>().join(", ")
    )
}

fn in_list(values: usize) -> String {
    let values = (1..=values).map(|n| format!("${n}")).collect::<Vec<_>>();
    format!("SELECT * FROM note WHERE id IN ({})", values.join(", "))
}

/// Returns a statement in which nothing repeats: 1,600 expressions with aliases of 60 characters.
fn distinct() -> String {
    let column = |n| format!("(CASE WHEN id = {n} THEN length(title) ELSE id END + {n}) AS \"{n:0>60}\"");
    let columns = (0..1_600).map(column).collect::<Vec<_>>().join(", ");
    let padding = format!("/* {} */", "x".repeat(1024 * 1024 - columns.len()));
    format!("SELECT {columns} {padding} FROM note LIMIT 1")
}

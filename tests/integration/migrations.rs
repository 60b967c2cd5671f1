//! Migrations and the life of tenants, by function and on the command line.

mod adopt;
mod adopt_from_query;
mod clone;
mod command_line;
mod crash;
mod create;
mod drop;
mod drop_wait;
mod export;
mod failures;
mod fleet;
mod generate_entity;
mod jobs;
mod kinds;
mod life;
mod lock_table;
mod new_app;
mod pool;
mod program;
mod rename_schema;
mod rich;
mod roles;
mod run;
mod safety;
mod sea_orm_cli;
mod seed;
mod selection;
mod sql;
mod stages;
mod steps;
mod tasks;
mod together;
mod update;

use std::path::PathBuf;

use clap::Parser;
use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseConnection, Statement};
use sea_orm_migration::prelude::*;
use tenant_core::{Host, SchemaName};
use tenant_migration::{
    Action, Executor, LifecycleError, LookupError, Migrations, NameError, NewTenant, Outcome, Report,
    SchemaError, Step, Target, catalog,
    cli::{Args, CliError},
    create_tenant,
};
use tests::TestDatabase;

/// A migrator whose migrations are SQL.
#[derive(Clone, Default)]
struct Set(Vec<Sql>);

#[derive(Clone)]
pub(crate) struct Sql {
    name: &'static str,
    up: &'static str,
    down: &'static str,
    use_transaction: Option<bool>,
}

impl Sql {
    pub(crate) const fn new(name: &'static str, up: &'static str, down: &'static str) -> Self {
        Self {
            name,
            up,
            down,
            use_transaction: None,
        }
    }

    pub(crate) const fn outside_of_transactions(mut self) -> Self {
        self.use_transaction = Some(false);
        self
    }
}

impl MigrationName for Sql {
    fn name(&self) -> &str {
        self.name
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out")]
#[async_trait::async_trait]
impl MigrationTrait for Sql {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        assert_ne!(self.up, "panic", "not written yet");
        manager.get_connection().execute_unprepared(self.up).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(self.down).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        self.use_transaction
    }
}

#[async_trait::async_trait]
impl sea_orm_migration::MigratorTraitSelf for Set {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        self.0.iter().cloned().map(|sql| Box::new(sql) as _).collect()
    }
}

/// The shared schema's migrations: the catalog and a table `plan`.
struct Shared;

impl MigratorTrait for Shared {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let plan = Sql::new(
            "m1_create_plan",
            "CREATE TABLE public.plan (code text PRIMARY KEY); INSERT INTO public.plan VALUES ('free')",
            "DROP TABLE public.plan",
        );
        catalog::migrations()
            .into_iter()
            .chain([Box::new(plan) as _])
            .collect()
    }
}

const NOTE: Sql = Sql::new(
    "m1_create_note",
    "CREATE TABLE note (id serial PRIMARY KEY, plan text DEFAULT 'free' REFERENCES public.plan (code));
     INSERT INTO note DEFAULT VALUES",
    "DROP TABLE note",
);
const TAG: Sql = Sql::new("m2_create_tag", "CREATE TABLE tag (id int)", "DROP TABLE tag");

/// Returns the migrations of [`Shared`], with these for the tenants.
pub(crate) fn with(tenant: impl IntoIterator<Item = Sql>) -> Migrations {
    Migrations::new(Shared, Set(tenant.into_iter().collect()))
}

pub(crate) fn schema(name: &str) -> SchemaName {
    SchemaName::new(name).unwrap()
}

fn tenant(name: &str) -> Target {
    Target::Tenants(vec![schema(name)])
}

async fn act(db: &TestDatabase, migrations: &Migrations, target: &Target, action: Action) -> Report {
    let executor = Executor::connect(db.options(), migrations.clone()).await.unwrap();
    let plan = executor.plan(target, action).await.unwrap();
    let report = executor.run(plan, &mut ()).await;
    executor.close().await.unwrap();
    report
}

pub(crate) async fn up(db: &TestDatabase, migrations: &Migrations) -> Report {
    act(db, migrations, &Target::All, Action::UP).await
}

/// Creates a database with the shared schema and these tenants.
pub(crate) async fn with_tenants(
    migrations: &Migrations,
    names: &[&str],
) -> (TestDatabase, DatabaseConnection) {
    let db = TestDatabase::create().await;
    let report = act(&db, migrations, &Target::Shared, Action::UP).await;
    assert!(report.is_success(), "{report:?}");
    let connection = db.connect().await;
    for name in names {
        create_tenant(&connection, migrations, &new(name)).await.unwrap();
    }
    (db, connection)
}

pub(crate) fn new(name: &str) -> NewTenant {
    let domain = Host::parse(&format!("{name}.example.com")).unwrap();
    NewTenant::new(schema(name), name.to_uppercase()).domain(domain)
}

/// Summarizes the outcome of each schema in a line.
fn outcomes(report: &Report) -> Vec<String> {
    let line = |outcome: &Outcome| match outcome {
        Outcome::Done(steps) => words(steps),
        Outcome::UpToDate => "-".to_owned(),
        Outcome::Failed { done, error } => format!("{}failed: {error}", words(done)),
        outcome => format!("{outcome:?}"),
    };
    let reports = report.schemas.iter();
    reports
        .map(|report| format!("{}: {}", report.schema, line(&report.outcome)))
        .collect()
}

fn words(steps: &[Step]) -> String {
    steps
        .iter()
        .map(|step| format!("{step}; "))
        .collect::<String>()
        .trim_end_matches("; ")
        .to_owned()
}

/// Returns the first column of each row of a query, as text.
pub(crate) async fn column(db: &impl ConnectionTrait, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(
        DatabaseBackend::Postgres,
        format!("SELECT x::text AS x FROM ({sql}) AS q (x)"),
    );
    let rows = db.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get("", "x").unwrap()).collect()
}

async fn count(db: &impl ConnectionTrait, sql: &str) -> i64 {
    let text = column(db, &format!("SELECT count(*) FROM ({sql}) AS rows")).await;
    text[0].parse().unwrap()
}

/// Makes all drops and renamings two minutes older, so that the names may be reused.
async fn age_drops(db: &impl ConnectionTrait) {
    let sql = "UPDATE public.dropped_tenants SET dropped_at = dropped_at - interval '2 min'";
    db.execute_unprepared(sql).await.unwrap();
}

/// Returns the tables of a schema.
async fn tables(db: &impl ConnectionTrait, schema: &str) -> Vec<String> {
    let sql = format!("SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' ORDER BY 1");
    column(db, &sql).await
}

async fn ledger(db: &impl ConnectionTrait, schema: &str) -> Vec<String> {
    column(
        db,
        &format!("SELECT version FROM \"{schema}\".seaql_migrations ORDER BY 1"),
    )
    .await
}

/// Runs the command line in this process. Returns its output and its result.
pub(crate) async fn cli(
    db: &TestDatabase,
    migrations: &Migrations,
    words: &[&str],
) -> (String, Result<(), CliError>) {
    // `-s ""` overrides DATABASE_SCHEMA of the environment.
    let schema: &[_] = if words.contains(&"-s") { &[] } else { &["-s", ""] };
    let first = ["migration", "-u", db.url()];
    let args = Args::try_parse_from(first.iter().chain(schema).chain(words)).unwrap();
    let mut out = Vec::new();
    let result = tenant_migration::cli::run(migrations, args, &mut out).await;
    (String::from_utf8(out).unwrap(), result)
}

/// A directory that is removed when this value is dropped.
struct TempDir(PathBuf);

impl TempDir {
    fn create(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tenant-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

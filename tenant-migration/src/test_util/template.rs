//! The template of the databases of a test program: the catalog, all migrations of the shared schema, and pending schemas.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

use sea_orm::{ConnectionTrait as _, Database, DbBackend, Statement};
use tenant_core::DEFAULT_KIND;

use super::database::{TestDatabase, drop_database, execute, server_url, single_connection};
use crate::{
    define::Migrations,
    lifecycle::{LifecycleError, fill_pool},
    plan::{Action, SchemaError, Target},
    run::Executor,
};

/// Prefix of the names of templates. The comment of a template is the path of its program.
pub(super) const PREFIX: &str = "tenant_template_";

/// Returns the name of the program's template. It changes whenever the program is built anew, since a migration may do
/// something else then.
pub(super) fn name(migrations: &Migrations, pool: usize) -> String {
    let mut hasher = DefaultHasher::new();
    let program = program();
    let file = fs::metadata(&program).expect("the test program");
    (program, file.len(), file.modified().ok(), pool).hash(&mut hasher);
    for (_, kind, set) in migrations.sets() {
        kind.hash(&mut hasher);
        set.names().for_each(|name| name.hash(&mut hasher));
    }
    format!("{PREFIX}{:016x}", hasher.finish())
}

fn program() -> PathBuf {
    env::current_exe().expect("the path of the test program")
}

/// Creates the template where it is missing.
pub(super) async fn ensure(name: &str, migrations: &Migrations, pool: usize) {
    if !exists(name).await {
        create(name, &program(), migrations, pool).await;
    }
}

async fn exists(name: &str) -> bool {
    let db = Database::connect(single_connection(&server_url()))
        .await
        .expect("connect");
    let sql = "SELECT FROM pg_database WHERE datname = $1";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [name.into()]);
    let row = db
        .query_one_raw(statement)
        .await
        .expect("the databases of the server");
    db.close().await.expect("close");
    row.is_some()
}

/// Creates a template beside those that are there, and names it when it is complete. If another process was faster, its
/// template is kept.
async fn create(name: &str, program: &Path, migrations: &Migrations, pool: usize) {
    drop_outdated(program).await;
    let database = TestDatabase::create().await;
    migrate(&database, migrations).await;
    fill(&database, migrations, pool).await;
    let comment = program.display().to_string().replace('\'', "''");
    let comment = format!("COMMENT ON DATABASE \"{}\" IS '{comment}'", database.name());
    execute(&server_url(), &comment).await;
    if let Err(error) = database.keep_as(name).await {
        assert!(exists(name).await, "the template of the test databases: {error}");
    }
}

/// Drops the templates of earlier builds of a program.
async fn drop_outdated(program: &Path) {
    let db = Database::connect(single_connection(&server_url()))
        .await
        .expect("connect");
    let sql = "SELECT datname::text FROM pg_database
        WHERE starts_with(datname::text, $1) AND shobj_description(oid, 'pg_database') = $2";
    let values = [PREFIX.into(), program.display().to_string().into()];
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    for row in db
        .query_all_raw(statement)
        .await
        .expect("the databases of the server")
    {
        let name: String = row.try_get_by_index(0).expect("a name");
        let _ = db.execute_unprepared(&drop_database(&name)).await;
    }
    db.close().await.expect("close");
}

async fn migrate(database: &TestDatabase, migrations: &Migrations) {
    let executor = Executor::connect(database.options(), migrations.clone())
        .await
        .expect("connect");
    let plan = executor.plan(&Target::Shared, Action::UP).await.expect("a plan");
    let report = executor.run(plan, &mut ()).await;
    executor.close().await.expect("close");
    report.into_result().expect("the migrations of the shared schema");
}

/// Creates pending schemas. Migrations that write the name of their schema into an object cannot use them: each tenant is then
/// migrated when it is created.
async fn fill(database: &TestDatabase, migrations: &Migrations, pool: usize) {
    let db = database.connect().await;
    match fill_pool(&db, migrations, DEFAULT_KIND, pool).await {
        Ok(_)
        | Err(LifecycleError::Schema {
            source: SchemaError::NamesItself { .. },
            ..
        }) => {}
        Err(error) => panic!("the schemas for tests: {error}"),
    }
    db.close().await.expect("close");
}

//! PgBouncer between the application and the server.

use clap::Parser as _;
use sea_orm::{
    ConnectOptions, ConnectionTrait, DbErr, FromQueryResult, JsonValue, Statement, TransactionTrait,
};
use tenant_core::{
    ConnectError, ConnectionError, SchemaName, Scope, Tenant, TenantConnection, TenantId, Tenants,
    TenantsBuilder,
};
use tenant_migration::{
    Executor, SessionError,
    cli::{Args, CliError, run},
};
use tests::{PoolMode, Pooler, TestDatabase};

async fn database() -> TestDatabase {
    let database = TestDatabase::create().await;
    let schemas = "CREATE SCHEMA acme; CREATE TABLE acme.note (title text); INSERT INTO acme.note VALUES ('acme');
        CREATE SCHEMA globex; CREATE TABLE globex.note (title text); INSERT INTO globex.note VALUES ('globex')";
    database.execute(schemas).await;
    database
}

fn builder() -> TenantsBuilder {
    Tenants::builder().table(Scope::Tenant, "note")
}

fn through(pooler: &Pooler) -> ConnectOptions {
    let mut options = ConnectOptions::new(pooler.url());
    options.max_connections(4).sqlx_logging(false);
    options
}

fn connection(tenants: &Tenants, name: &str) -> TenantConnection {
    tenants.connection(&Tenant::new(TenantId(1), SchemaName::new(name).unwrap(), name))
}

async fn title(db: &impl ConnectionTrait) -> Result<String, DbErr> {
    title_by(db, "SELECT title FROM note").await
}

async fn title_by(db: &impl ConnectionTrait, sql: &str) -> Result<String, DbErr> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(statement).await?;
    row.expect("a row").try_get_by_index(0)
}

/// Checks that two tenants at the same time read their own rows, with and without transactions.
async fn require_own_rows(tenants: &Tenants) {
    let rounds = (0..40).map(|round| async move {
        let name = if round % 2 == 0 { "acme" } else { "globex" };
        let db = connection(tenants, name);
        assert_eq!(title(&db).await.unwrap(), name);
        let transaction = db.begin().await.unwrap();
        assert_eq!(title(&transaction).await.unwrap(), name);
        drop(transaction);
        let all = ["globex", "acme"].map(|name| connection(tenants, name).tenant().clone());
        let statement = Statement::from_string(db.get_database_backend(), "SELECT title FROM note");
        let query = JsonValue::find_by_statement(statement);
        for (tenant, row) in tenants.fan_out().over(all).all(query).await.unwrap() {
            assert_eq!(row["title"], tenant.schema().as_str());
        }
    });
    futures_util::future::join_all(rounds).await;
}

/// Checks the same with more statements than the pooler keeps, each of them sent twice.
async fn require_own_rows_of_many_statements(tenants: &Tenants) {
    let rounds = (0..2000).map(|round| async move {
        let name = if round % 2 == 0 { "acme" } else { "globex" };
        let sql = format!("SELECT title AS title_{} FROM note", round % 1000 / 2);
        assert_eq!(title_by(&connection(tenants, name), &sql).await.unwrap(), name);
    });
    futures_util::future::join_all(rounds).await;
}

#[tokio::test]
async fn a_pooler_of_transactions_is_refused_unless_it_is_named() {
    let database = database().await;
    let Some(pooler) = Pooler::start(&database, PoolMode::Transaction) else {
        return;
    };
    let error = builder().connect(through(&pooler)).await.unwrap_err();
    assert!(matches!(error, ConnectError::UnnamedPooler), "{error}");
    assert!(error.to_string().contains("behind_pooler"), "{error}");
}

#[tokio::test]
async fn a_pooler_of_transactions_has_to_know_prepared_statements() {
    let database = database().await;
    let Some(pooler) = Pooler::start(&database, PoolMode::Transaction) else {
        return;
    };
    let named = builder().behind_pooler(0).connect(through(&pooler)).await;
    let error = named.unwrap_err();
    assert!(
        matches!(error, ConnectError::PoolerPreparesNothing { statements: 0 }),
        "{error}"
    );
    let named = builder().behind_pooler(200).connect(through(&pooler)).await;
    if Pooler::prepares() {
        let tenants = named.unwrap();
        require_own_rows(&tenants).await;
        require_own_rows_of_many_statements(&tenants).await;
        tenants.close().await.unwrap();
    } else {
        let error = named.unwrap_err();
        assert!(
            matches!(error, ConnectError::PoolerPreparesNothing { statements: 200 }),
            "{error}"
        );
        assert!(error.to_string().contains("1.21"), "{error}");
    }
}

#[tokio::test]
async fn a_pooler_of_sessions_is_like_the_server() {
    let database = database().await;
    let Some(pooler) = Pooler::start(&database, PoolMode::Session) else {
        return;
    };
    let tenants = builder().connect(through(&pooler)).await.unwrap();
    require_own_rows(&tenants).await;
    tenants.close().await.unwrap();
}

/// Unguarded statements change the session's state, and a pooler passes on the session to other clients.
#[tokio::test]
async fn unguarded_statements_are_refused_behind_a_pooler() {
    let database = database().await;
    let Some(pooler) = Pooler::start(&database, PoolMode::Session) else {
        return;
    };
    let tenants = builder()
        .behind_pooler(2)
        .connect(through(&pooler))
        .await
        .unwrap();
    let error = connection(&tenants, "acme").begin_unguarded().await.unwrap_err();
    let refused = ConnectionError::of(&error);
    assert!(
        matches!(refused, Some(ConnectionError::UnguardedBehindPooler { .. })),
        "{error}"
    );
    require_own_rows(&tenants).await;
    tenants.close().await.unwrap();
}

/// Migrations and exports hold advisory locks in a session. Behind a pooler in transaction mode, the lock would remain
/// in a server connection that other clients get.
#[tokio::test]
async fn migrations_and_exports_are_refused_behind_a_pooler_of_transactions() {
    let database = database().await;
    let Some(pooler) = Pooler::start(&database, PoolMode::Transaction) else {
        return;
    };
    let executor = Executor::connect(through(&pooler), example_migration::migrations()).await;
    let error = executor.unwrap_err();
    assert!(matches!(error, SessionError::Pooler), "{error}");
    assert!(error.to_string().contains("--direct-url"), "{error}");

    for command in ["status", "up", "tenant list", "tenant export acme unused"] {
        let error = command_line(&pooler.url(), command).await.unwrap_err();
        assert!(
            matches!(error, CliError::Session(SessionError::Pooler)),
            "{command}: {error}"
        );
    }
    command_line(database.url(), "up").await.unwrap();
}

#[tokio::test]
async fn migrations_run_through_a_pooler_of_sessions() {
    let database = database().await;
    let Some(pooler) = Pooler::start(&database, PoolMode::Session) else {
        return;
    };
    command_line(&pooler.url(), "up").await.unwrap();
}

async fn command_line(url: &str, command: &str) -> Result<(), CliError> {
    let words = ["migration", "--direct-url", url].into_iter();
    let args = Args::parse_from(words.chain(command.split(' ')));
    run(&example_migration::migrations(), args, &mut Vec::new()).await
}

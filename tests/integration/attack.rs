//! Ways out of a tenant, found in a review by somebody who did not write this library.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, TransactionTrait as _};
use tenant_core::{ConnectError, ConnectionError, SchemaName, Tenant, TenantConnection, TenantId, Tenants};
use tests::TestDatabase;

mod stream;

/// Two tenants that share one session. Each has a table and a type.
struct OneSession {
    database: TestDatabase,
    tenants: Tenants,
    acme: TenantConnection,
    globex: TenantConnection,
}

impl OneSession {
    async fn new() -> Self {
        let database = TestDatabase::create().await;
        for schema in ["acme", "globex"] {
            let tables = format!(
                "CREATE SCHEMA {schema}; CREATE TYPE {schema}.mood AS ENUM ('happy');
                 CREATE TABLE {schema}.note (title text, mood {schema}.mood);
                 INSERT INTO {schema}.note VALUES ('{schema}', 'happy')"
            );
            database.execute(&tables).await;
        }
        database.execute("CREATE TABLE public.note (title text)").await;
        let mut options = database.options();
        options.max_connections(1);
        let tenants = Tenants::connect(options).await.unwrap();
        let connection = |id, name| {
            let schema = SchemaName::new(name).unwrap();
            tenants.connection(&Tenant::new(TenantId(id), schema, name))
        };
        Self {
            acme: connection(1, "acme"),
            globex: connection(2, "globex"),
            database,
            tenants,
        }
    }
}

fn statement(sql: &str) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql)
}

async fn titles(db: &impl ConnectionTrait, sql: &str) -> Result<Vec<String>, DbErr> {
    let rows = db.query_all_raw(statement(sql)).await?;
    rows.iter().map(|row| row.try_get("", "title")).collect()
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(result: Result<T, DbErr>, sql: &str) {
    let error = result.expect_err(sql);
    let refused = matches!(ConnectionError::of(&error), Some(ConnectionError::Refused { .. }));
    assert!(refused, "{sql}: {error}");
}

#[tokio::test]
async fn a_statement_prepared_for_one_tenant_is_not_used_for_the_next() {
    let db = OneSession::new().await;
    for (connection, title) in [(&db.acme, "acme"), (&db.globex, "globex"), (&db.acme, "acme")] {
        let transaction = connection.begin_unguarded().await.unwrap();
        let found = titles(&transaction, "SELECT * FROM note WHERE mood = 'happy'").await;
        assert_eq!(found.unwrap(), [title]);
        transaction.commit().await.unwrap();
    }
    db.tenants.close().await.unwrap();
}

/// If a statement could end the transaction, later statements would run with the session's `search_path`, each
/// committed separately.
#[tokio::test]
async fn an_unguarded_transaction_is_not_ended_by_a_statement() {
    let db = OneSession::new().await;
    for end in [
        "COMMIT",
        "ROLLBACK",
        "SELECT 1; END",
        "PREPARE TRANSACTION 'a'",
        "COMMIT; BEGIN",
    ] {
        let transaction = db.acme.begin_unguarded().await.unwrap();
        assert_refused(transaction.execute_unprepared(end).await, end);
        let insert = "INSERT INTO note (title) VALUES ('after')";
        transaction.execute_unprepared(insert).await.unwrap();
        transaction.rollback().await.unwrap();
    }
    let found = titles(db.tenants.shared_connection(), "SELECT title FROM public.note").await;
    assert_eq!(found.unwrap(), Vec::<String>::new());
    assert_eq!(
        titles(&db.acme, "SELECT title FROM \"$tenant\".note")
            .await
            .unwrap(),
        ["acme"]
    );
    db.tenants.close().await.unwrap();
}

#[tokio::test]
async fn what_the_driver_prepared_stays_for_the_next_tenant() {
    let db = OneSession::new().await;
    let read = "SELECT title FROM \"$tenant\".note";
    assert_eq!(titles(&db.globex, read).await.unwrap(), ["globex"]);
    for forget in [
        "DEALLOCATE ALL",
        "DEALLOCATE PREPARE ALL",
        "PREPARE sqlx_s_9 AS SELECT 1",
    ] {
        let transaction = db.acme.begin_unguarded().await.unwrap();
        assert_refused(transaction.execute_unprepared(forget).await, forget);
        transaction.commit().await.unwrap();
        assert_eq!(titles(&db.globex, read).await.unwrap(), ["globex"]);
    }
    db.tenants.close().await.unwrap();
}

/// `format_type` with an id and `regclass` values would reveal other tenants' schemas, also through the array type
/// `_regclass`.
#[tokio::test]
async fn names_of_other_tenants_are_not_found_by_ids_or_texts() {
    let db = OneSession::new().await;
    for sql in [
        "SELECT format_type(n::oid, NULL) AS title FROM generate_series(16384, 17000) AS n",
        "SELECT '{globex.note}'::pg_catalog._regclass",
        "SELECT pg_catalog._regclass('{globex.note}')",
        "SELECT ('{globex.note}').\"_regclass\"",
        "SELECT array_in('{globex.note}', 2205, -1)",
        "SELECT heap_force_kill(16384, ARRAY['(0,1)']::tid[])",
    ] {
        assert_refused(db.acme.query_all_raw(statement(sql)).await, sql);
    }
    db.tenants.close().await.unwrap();
}

#[tokio::test]
async fn a_tenant_called_like_the_user_is_on_nobodys_path() {
    let db = OneSession::new().await;
    let catalog = "CREATE TABLE public.tenants (schema_name text);
        INSERT INTO public.tenants VALUES ('acme'), (current_user)";
    db.database.execute(catalog).await;
    // While no schema has the user's name, connecting succeeds.
    Tenants::connect(db.database.options())
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
    db.database
        .execute("DO $$ BEGIN EXECUTE format('CREATE SCHEMA %I', current_user); END $$")
        .await;
    // Sessions start without `"$user"`, so that the schema is on nobody's path, and the application starts.
    let tenants = Tenants::connect(db.database.options()).await.unwrap();
    let row = tenants
        .shared_connection()
        .query_one_raw(statement("SHOW search_path"))
        .await;
    let path: String = row.unwrap().unwrap().try_get_by_index(0).unwrap();
    assert_eq!(path, "public");
    tenants.close().await.unwrap();
    // Who puts it there by name is refused.
    let mut options = db.database.options();
    options.set_schema_search_path("acme");
    let refused = Tenants::connect(options).await.unwrap_err();
    assert!(
        matches!(refused, ConnectError::TenantSchemaOnPath { .. }),
        "{refused}"
    );
    db.tenants.close().await.unwrap();
}

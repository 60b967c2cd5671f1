//! Texts of errors, and the answers of handlers to them.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use sea_orm::{
    ConnectOptions, ConnectionTrait, DbErr, EntityTrait as _, StreamTrait as _, TransactionTrait as _,
};
use tenant_core::{ConnectionError, Refusal, Tenants, error::http_answer};
use tests::TestServer;

use crate::entities::{TwoTenants, forgotten, note, with_roles};

#[tokio::test]
async fn a_refusal_says_at_its_beginning_what_is_wrong() {
    let db = TwoTenants::create().await;
    let error = forgotten::Entity::find().all(&db.acme).await.unwrap_err();
    let text = error.to_string();
    assert!(!text.contains("converting"), "{text}");
    let (before, _) = text
        .split_once("tenant acme: table \"forgotten\" has no scope")
        .unwrap();
    assert!(before.len() < 45, "{text}");
    let Some(Refusal::UnknownTable { name, .. }) = Refusal::of(&error) else {
        panic!("{error}")
    };
    assert_eq!(name, "forgotten");
    assert_eq!(http_answer(&error).0, 500);

    let failed = db.acme.execute_unprepared("SELECT 1 / 0").await.unwrap_err();
    assert_eq!(Refusal::of(&failed), None);
    assert!(ConnectionError::of(&failed).is_none());
    assert_eq!(http_answer(&failed).0, 500);
}

/// Each has its typed error inside of SeaORM's, through a commit as well.
#[tokio::test]
async fn errors_of_transactions_keep_their_type() {
    let db = TwoTenants::create().await;
    let transaction = db.acme.begin().await.unwrap();
    transaction.execute_unprepared("SELECT 1 / 0").await.unwrap_err();
    let error = transaction.commit().await.unwrap_err();
    assert!(matches!(
        ConnectionError::of(&error),
        Some(ConnectionError::StatementFailed { .. })
    ));
    let transaction = db.acme.begin().await.unwrap();
    let nested = transaction.begin().await.unwrap();
    let error = transaction.commit().await.unwrap_err();
    drop(nested);
    assert!(matches!(
        ConnectionError::of(&error),
        Some(ConnectionError::NestedOpen { .. })
    ));
}

#[tokio::test]
async fn an_unreachable_database_is_named_without_its_password() {
    // Nobody listens on a port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let begun = Instant::now();
    let error = Tenants::connect(format!("postgres://app:secret@{free}/app"))
        .await
        .unwrap_err();
    let waited = begun.elapsed();
    let (text, debug) = (error.to_string(), format!("{error:?}"));
    assert!(
        text.starts_with(&format!("no connection to the database at {free}: ")),
        "{text}"
    );
    assert!(text.contains("refused"), "{text}");
    assert!(
        !text.contains("secret") && !debug.contains("secret"),
        "{text} {debug}"
    );
    assert!((4..8).contains(&waited.as_secs()), "{waited:?}");

    for url in [
        "mysql://app:secret@localhost/app",
        "postgres//app:secret@localhost",
    ] {
        let error = Tenants::connect(url).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("postgres://user:password@host:5432/database"),
            "{text}"
        );
        assert!(!text.contains("secret"), "{text}");
    }
}

#[tokio::test]
async fn a_handler_answers_503_while_the_database_is_down() {
    let server = TestServer::start();
    let mut options = ConnectOptions::new(server.url());
    options
        .acquire_timeout(Duration::from_millis(300))
        .sqlx_logging(false);
    let tenants = Tenants::connect(options).await.unwrap();
    let shared = tenants.shared_connection().clone();
    let acme = tenants.connection(&tenant_core::Tenant::new(
        tenant_core::TenantId(1),
        tenant_core::SchemaName::new("acme").unwrap(),
        "Acme",
    ));
    acme.execute_unprepared("SELECT 1").await.unwrap();
    drop(server);
    let lost: DbErr = acme.execute_unprepared("SELECT 1").await.unwrap_err();
    let down = acme.execute_unprepared("SELECT 1").await.unwrap_err();
    let of_shared = shared.execute_unprepared("SELECT 1").await.unwrap_err();
    for error in [&lost, &down, &of_shared] {
        let (status, text) = http_answer(error);
        assert_eq!(status, 503, "{error}");
        assert!(text.starts_with("Service Unavailable"), "{text}");
    }
    let text = down.to_string();
    assert!(text.contains("no connection to the database at "), "{text}");
    assert!(matches!(
        ConnectionError::of(&down),
        Some(ConnectionError::Unreachable { .. })
    ));
}

#[tokio::test]
async fn a_tenant_without_a_schema_is_named() {
    if with_roles() {
        return; // The role's error comes first.
    }
    let db = TwoTenants::create().await;
    let transaction = db.acme.begin().await.unwrap();
    db.database.execute("DROP SCHEMA acme CASCADE").await;
    let streamed = async {
        let rows = db
            .acme
            .stream(&sea_orm::QueryTrait::into_query(note::Entity::find()))
            .await?;
        rows.try_collect::<Vec<_>>().await.map(drop)
    };
    let errors = [
        note::Entity::find().all(&db.acme).await.map(drop),
        note::Entity::delete_by_id(1).exec(&db.acme).await.map(drop),
        db.acme.execute_unprepared("DELETE FROM note").await.map(drop),
        streamed.await,
        note::Entity::find().one(&transaction).await.map(drop),
    ];
    for error in errors {
        let error = error.unwrap_err();
        assert!(
            matches!(ConnectionError::of(&error), Some(ConnectionError::NoSchema { tenant }) if tenant.as_str() == "acme"),
            "{error}"
        );
    }
    transaction.rollback().await.unwrap();

    // A missing table is PostgreSQL's own error, which names it.
    db.database.execute("DROP TABLE globex.note").await;
    let error = note::Entity::find().all(&db.globex).await.unwrap_err();
    assert!(ConnectionError::of(&error).is_none());
    assert!(
        error.to_string().contains("\"globex.note\" does not exist"),
        "{error}"
    );
}

//! Log lines of statements, and warnings on connecting.

use sea_orm::{ConnectOptions, ConnectionTrait as _, TransactionTrait as _};
use tenant_core::{SchemaName, Tenants};
use tests::TestDatabase;
use tracing::{Instrument as _, Level, info_span};

use crate::{
    entities::TwoTenants,
    log_lines::{LogLines, message},
};

/// Runs statements of each kind: alone, in transactions, in those that are dropped, and unguarded.
async fn work(tenants: &Tenants, db: &TwoTenants) {
    let acme = tenants.connection(db.acme.tenant());
    acme.execute_unprepared("UPDATE note SET title = 'x'")
        .await
        .unwrap();
    let transaction = acme.begin().await.unwrap();
    transaction.execute_unprepared("DELETE FROM note").await.unwrap();
    let nested = transaction.begin().await.unwrap();
    nested.commit().await.unwrap();
    transaction.rollback().await.unwrap();
    drop(acme.begin().await.unwrap());
    while tenants.pool_status().unwrap().busy > 0 {
        tokio::task::yield_now().await;
    }
    let unguarded = acme.begin_unguarded().await.unwrap();
    unguarded.commit().await.unwrap();
}

/// The options are SeaORM's own, which log statements.
#[tokio::test]
async fn statements_are_logged_at_debug_with_their_tenant() {
    let db = TwoTenants::create().await;
    let tenants = Tenants::connect(ConnectOptions::new(db.database.url()))
        .await
        .unwrap();
    let lines = LogLines::default();

    let collecting = lines.collect(Level::INFO);
    work(&tenants, &db).await;
    drop(collecting);
    assert_eq!(lines.take(), [] as [serde_json::Value; 0]);

    let collecting = lines.collect(Level::DEBUG);
    work(&tenants, &db)
        .instrument(info_span!("tenant", schema = "acme"))
        .await;
    drop(collecting);
    let statements = lines.take();
    for expected in ["BEGIN", "SAVEPOINT", "ROLLBACK", "SET LOCAL", "UPDATE", "COMMIT"] {
        let is_expected = |line: &&serde_json::Value| {
            let summary = line["fields"]["summary"].as_str();
            summary.is_some_and(|text| text.starts_with(expected))
        };
        let found: Vec<_> = statements.iter().filter(is_expected).collect();
        assert!(!found.is_empty(), "{expected}: {statements:?}");
        for line in found {
            assert_eq!(line["level"], "DEBUG", "{line}");
            assert_eq!(line["spans"][0]["schema"], "acme", "{line}");
        }
    }
    tenants.close().await.unwrap();
}

/// Connects, and returns the warnings.
async fn warnings_of(database: &TestDatabase) -> Vec<String> {
    let lines = LogLines::default();
    let collecting = lines.collect(Level::WARN);
    let tenants = database.tenants().await;
    drop(collecting);
    tenants.close().await.unwrap();
    let lines = lines.take();
    lines.iter().map(|line| message(line).to_owned()).collect()
}

#[tokio::test]
async fn connecting_before_the_first_migration_says_what_to_do() {
    let database = TestDatabase::create().await;
    let hint = "no request can be served: the database has no catalog yet, or an older version's: \
                migrate the shared schema first (`up -s public`)";
    let warnings = warnings_of(&database).await;
    assert!(warnings.iter().any(|text| text.starts_with(hint)), "{warnings:?}");

    database.execute("CREATE TABLE public.tenants (id int)").await;
    assert_eq!(warnings_of(&database).await.len(), 1, "an older catalog");

    let tenants = database.tenants().await;
    let error = tenants.by_schema(&SchemaName::new("acme").unwrap()).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("`up -s public`"), "{error}");
    tenants.close().await.unwrap();
}

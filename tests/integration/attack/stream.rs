//! A stream that is dropped before its error arrives.

use std::pin::pin;

use futures_util::TryStreamExt as _;
use sea_orm::StreamTrait;

use super::*;

/// A query that returns rows before it fails with a division by zero.
const FAILS_LATE: &str = "SELECT 1 / (500 - n), repeat('x', 100) FROM generate_series(1, 1000) AS n";

async fn read_one_row(db: &impl StreamTrait) {
    let mut rows = pin!(db.stream_raw(statement(FAILS_LATE)).await.unwrap());
    rows.try_next().await.unwrap().unwrap();
}

const INSERT: &str = "INSERT INTO \"$tenant\".note (title) VALUES ('new')";
const READ: &str = "SELECT title FROM \"$tenant\".note ORDER BY title";

/// The commit fails if a dropped stream failed: PostgreSQL has aborted the transaction.
#[tokio::test]
async fn an_error_that_nobody_read_is_the_commits() {
    let db = OneSession::new().await;
    let transaction = db.acme.begin().await.unwrap();
    transaction.execute_unprepared(INSERT).await.unwrap();
    read_one_row(&transaction).await;
    transaction.commit().await.unwrap_err();
    assert_eq!(titles(&db.acme, READ).await.unwrap(), ["acme"]);
    db.tenants.close().await.unwrap();
}

#[tokio::test]
async fn in_a_nested_transaction_it_undoes_that_alone() {
    let db = OneSession::new().await;
    let transaction = db.acme.begin().await.unwrap();
    transaction.execute_unprepared(INSERT).await.unwrap();
    let nested = transaction.begin().await.unwrap();
    nested.execute_unprepared(INSERT).await.unwrap();
    read_one_row(&nested).await;
    nested.commit().await.unwrap_err();
    transaction.execute_unprepared(INSERT).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(titles(&db.acme, READ).await.unwrap(), ["acme", "new", "new"]);
    db.tenants.close().await.unwrap();
}

//! Transactions that are dropped out of order, or while a nested transaction uses the connection.

use std::sync::Arc;

use futures_util::TryStreamExt;
use sea_orm::{ConnectionTrait, DatabaseBackend, Statement, StreamTrait, TransactionTrait};
use tenant_core::ConnectionError;
use tests::{Direction, Fault, Rule};

use super::{Faulty, drop_when, insert, numbers};

/// Dropping the outer transaction does not panic. SeaORM's transaction does, if a nested transaction runs a query.
#[tokio::test]
async fn the_outer_transaction_is_dropped_during_a_query_of_the_inner_one() {
    let db = Faulty::create(1).await;
    let outer = db.acme.begin().await.unwrap();
    outer.execute_raw(insert("outer")).await.unwrap();
    let inner = outer.begin().await.unwrap();
    let held = db.proxy.add(Rule::reply("INSERT", Fault::Hold));
    let querying = tokio::spawn(async move {
        inner.execute_raw(insert("inner")).await.unwrap();
        inner.execute_raw(insert("inner")).await.unwrap();
        inner.commit().await
    });
    held.fired().await;
    drop(outer);
    held.release();
    querying.await.unwrap().unwrap();
    db.assert_clean("the outer one was dropped").await;
    assert_eq!((db.notes("outer").await, db.notes("inner").await), (0, 0));
}

#[tokio::test]
async fn the_outer_transaction_is_dropped_while_the_inner_one_streams() {
    let db = Faulty::create(1).await;
    let outer = db.acme.begin().await.unwrap();
    outer.execute_raw(insert("outer")).await.unwrap();
    let inner = outer.begin().await.unwrap();
    let mut rows = inner.stream_raw(numbers(50)).await.unwrap();
    rows.try_next().await.unwrap().unwrap();
    drop(outer);
    let mut rest = 0;
    while rows.try_next().await.unwrap().is_some() {
        rest += 1;
    }
    assert_eq!(rest, 49);
    drop(rows);
    inner.execute_raw(insert("inner")).await.unwrap();
    drop(inner);
    db.assert_clean("a stream outlived the outer one").await;
    assert_eq!((db.notes("outer").await, db.notes("inner").await), (0, 0));
}

#[tokio::test]
async fn a_transaction_is_dropped_by_one_task_while_another_streams_it() {
    let db = Faulty::create(1).await;
    let transaction = Arc::new(db.acme.begin().await.unwrap());
    transaction.execute_raw(insert("shared")).await.unwrap();
    let held = db.proxy.add(Rule::reply("SELECT", Fault::Hold));
    let reading = tokio::spawn({
        let transaction = Arc::clone(&transaction);
        async move {
            let rows = transaction.stream_raw(numbers(50)).await.unwrap();
            rows.try_collect::<Vec<_>>().await.unwrap().len()
        }
    });
    held.fired().await;
    drop(transaction);
    held.release();
    assert_eq!(reading.await.unwrap(), 50);
    db.assert_clean("a stream outlived a handle").await;
    assert_eq!(db.notes("shared").await, 0);
}

#[tokio::test]
async fn levels_may_be_dropped_in_any_order() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let db = Faulty::create(1).await;
        let outer = db.acme.begin().await.unwrap();
        outer.execute_raw(insert("dropped")).await.unwrap();
        let middle = outer.begin().await.unwrap();
        middle.execute_raw(insert("dropped")).await.unwrap();
        let inner = middle.begin().await.unwrap();
        inner.execute_raw(insert("dropped")).await.unwrap();
        let mut levels = [Some(outer), Some(middle), Some(inner)];
        for level in order {
            levels[level] = None;
            // Only the innermost open transaction works; all others refuse statements.
            for (depth, open) in levels.iter().enumerate() {
                let Some(open) = open else { continue };
                let result = open.execute_raw(insert("dropped")).await;
                let is_innermost = levels[depth + 1..].iter().all(Option::is_none);
                assert_eq!(
                    result.is_ok(),
                    is_innermost,
                    "{order:?}, {level} dropped, on {depth}"
                );
            }
        }
        db.assert_clean("dropped out of order").await;
        assert_eq!(db.notes("dropped").await, 0, "{order:?}");
    }
}

/// A failure in a nested transaction is undone with its savepoint. A failure in the outer one makes its commit fail.
#[tokio::test]
async fn a_transaction_knows_whose_statement_failed() {
    let db = Faulty::create(1).await;
    for ending in ["commit", "rollback", "drop"] {
        let outer = db.acme.begin().await.unwrap();
        outer.execute_raw(insert(ending)).await.unwrap();
        let inner = outer.begin().await.unwrap();
        inner.execute_raw(insert(ending)).await.unwrap();
        inner.execute_unprepared("SELECT 1 / 0").await.unwrap_err();
        match ending {
            "commit" => assert_failed(&inner.commit().await.unwrap_err()),
            "rollback" => inner.rollback().await.unwrap(),
            _ => drop(inner),
        }
        outer.execute_raw(insert(ending)).await.unwrap();
        outer.commit().await.unwrap();
        assert_eq!(db.notes(ending).await, 2, "{ending}");
    }

    let outer = db.acme.begin().await.unwrap();
    let inner = outer.begin().await.unwrap();
    inner.execute_raw(insert("outer")).await.unwrap();
    inner.commit().await.unwrap();
    outer.execute_unprepared("SELECT 1 / 0").await.unwrap_err();
    assert_failed(&outer.commit().await.unwrap_err());
    assert_eq!(db.notes("outer").await, 0);
    db.assert_clean("a statement failed").await;
}

/// A transaction cannot be committed after a dropped statement failed. PostgreSQL would answer COMMIT with ROLLBACK,
/// which sqlx reports as success.
#[tokio::test]
async fn what_fails_after_it_was_dropped_cannot_be_committed() {
    let db = Faulty::create(1).await;
    let transaction = db.acme.begin().await.unwrap();
    transaction.execute_raw(insert("dropped")).await.unwrap();
    let held = db
        .proxy
        .add(Rule::message(Direction::ToClient, b"E", Fault::Hold));
    let failing = transaction.execute_unprepared("SELECT 1 / 0");
    assert!(drop_when(held.fired(), failing).await.is_none());
    held.release();
    transaction.commit().await.unwrap_err();
    db.assert_clean("a statement failed unseen").await;
    assert_eq!(db.notes("dropped").await, 0);
}

#[tokio::test]
async fn a_stream_that_fails_after_it_was_dropped_cannot_be_committed() {
    let db = Faulty::create(1).await;
    let transaction = db.acme.begin().await.unwrap();
    transaction.execute_raw(insert("dropped")).await.unwrap();
    let failing = "SELECT 1 / (30 - n) FROM generate_series(1, 50) AS n";
    let failing = Statement::from_string(DatabaseBackend::Postgres, failing);
    let mut rows = transaction.stream_raw(failing).await.unwrap();
    rows.try_next().await.unwrap().unwrap();
    drop(rows);
    transaction.commit().await.unwrap_err();
    db.assert_clean("a stream failed unseen").await;
    assert_eq!(db.notes("dropped").await, 0);
}

/// After a dropped nested statement failed, the outer transaction is committed completely or not at all. The unseen
/// error may count as the outer transaction's.
#[tokio::test]
async fn what_fails_inside_after_it_was_dropped_leaves_the_outer_transaction_whole() {
    let db = Faulty::create(1).await;
    let outer = db.acme.begin().await.unwrap();
    outer.execute_raw(insert("outer")).await.unwrap();
    let inner = outer.begin().await.unwrap();
    let held = db
        .proxy
        .add(Rule::message(Direction::ToClient, b"E", Fault::Hold));
    let failing = inner.execute_unprepared("SELECT 1 / 0");
    assert!(drop_when(held.fired(), failing).await.is_none());
    held.release();
    drop(inner);
    let written = outer.execute_raw(insert("outer")).await.is_ok();
    let committed = outer.commit().await.is_ok();
    db.assert_clean("a statement failed unseen inside").await;
    let notes = if committed { 1 + i64::from(written) } else { 0 };
    assert_eq!(db.notes("outer").await, notes);
}

fn assert_failed(error: &sea_orm::DbErr) {
    let is_failed = matches!(
        ConnectionError::of(error),
        Some(ConnectionError::StatementFailed { .. })
    );
    assert!(is_failed, "{error}");
}

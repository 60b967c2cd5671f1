//! Transactions of a tenant's connection: nesting, commit and rollback, cancellation.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use futures_util::TryStreamExt;
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, EntityTrait, IsolationLevel, PaginatorTrait, Statement,
    TransactionError, TransactionOptions, TransactionTrait,
};
use tenant_core::ConnectionError;

use crate::entities::{TwoTenants, note};

const RENAME: &str = "UPDATE note SET title = 'renamed'";

/// Checks that a `DbErr` contains a certain [`ConnectionError`].
macro_rules! assert_is {
    ($error:expr, $variant:ident) => {
        assert!(
            matches!(
                ConnectionError::of(&$error),
                Some(ConnectionError::$variant { .. })
            ),
            "{}",
            $error
        )
    };
}

async fn renamed(db: &impl ConnectionTrait) -> u64 {
    use sea_orm::{ColumnTrait, QueryFilter};
    let notes = note::Entity::find().filter(note::Column::Title.eq("renamed"));
    notes.count(db).await.unwrap()
}

#[tokio::test]
async fn a_rolled_back_transaction_leaves_both_tenants_as_they_were() {
    let db = TwoTenants::create().await;
    let transaction = db.acme.begin().await.unwrap();
    transaction.execute_unprepared(RENAME).await.unwrap();
    assert_eq!(renamed(&transaction).await, 2);
    assert_eq!(renamed(&db.globex).await, 0);
    transaction.rollback().await.unwrap();
    assert_eq!(renamed(&db.acme).await, 0);
}

#[tokio::test]
async fn a_committed_transaction_is_seen_in_its_tenant_only() {
    let db = TwoTenants::create().await;
    let transaction = db.acme.begin().await.unwrap();
    transaction.execute_unprepared(RENAME).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!((renamed(&db.acme).await, renamed(&db.globex).await), (2, 0));
}

#[tokio::test]
async fn nested_transactions_stay_with_the_tenant_and_end_alone() {
    let db = TwoTenants::create().await;
    let outer = db.acme.begin().await.unwrap();
    outer
        .execute_unprepared("UPDATE note SET title = 'renamed' WHERE id = 1")
        .await
        .unwrap();
    let inner = outer.begin().await.unwrap();
    inner.execute_unprepared(RENAME).await.unwrap();
    assert_eq!(inner.tenant().schema().as_str(), "acme");
    assert_eq!(renamed(&inner).await, 2);
    inner.rollback().await.unwrap();
    let dropped = outer.begin().await.unwrap();
    dropped.execute_unprepared(RENAME).await.unwrap();
    drop(dropped);
    assert_eq!(renamed(&outer).await, 1);
    let kept = outer.begin().await.unwrap();
    kept.execute_unprepared("UPDATE note SET mood = 'sad'")
        .await
        .unwrap();
    kept.commit().await.unwrap();
    outer.commit().await.unwrap();
    assert_eq!((renamed(&db.acme).await, renamed(&db.globex).await), (1, 0));
}

#[tokio::test]
async fn the_closure_form_commits_and_rolls_back() {
    let db = TwoTenants::create().await;
    let failed: Result<(), TransactionError<DbErr>> = db
        .acme
        .transaction(|transaction| {
            Box::pin(async move {
                transaction.execute_unprepared(RENAME).await?;
                Err(DbErr::Custom("no".to_owned()))
            })
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(renamed(&db.acme).await, 0);
    let done: Result<u64, TransactionError<DbErr>> = db
        .acme
        .transaction(|transaction| {
            Box::pin(async move { Ok(transaction.execute_unprepared(RENAME).await?.rows_affected()) })
        })
        .await;
    assert_eq!(done.unwrap(), 2);
    assert_eq!(renamed(&db.acme).await, 2);
}

#[tokio::test]
async fn a_transaction_cannot_end_while_one_inside_of_it_is_open() {
    let db = TwoTenants::create().await;
    let outer = db.acme.begin().await.unwrap();
    outer.execute_unprepared(RENAME).await.unwrap();
    let inner = outer.begin().await.unwrap();
    let error = outer.commit().await.unwrap_err();
    assert_is!(error, NestedOpen);
    assert!(inner.execute_unprepared(RENAME).await.is_err());
    drop(inner);
    assert_eq!(renamed(&db.acme).await, 0);
}

#[tokio::test]
async fn after_a_nested_begin_that_failed_nothing_runs_outside_of_the_transaction() {
    let db = TwoTenants::create().await;
    let outer = db.acme.begin().await.unwrap();
    outer.execute_unprepared("SELECT 1 / 0").await.unwrap_err();
    outer.begin().await.unwrap_err();
    for _ in 0..2 {
        let error = outer.execute_unprepared(RENAME).await.unwrap_err();
        assert_is!(error, TransactionBroken);
    }
    outer.commit().await.unwrap_err();
    assert_eq!(renamed(&db.acme).await, 0);
}

/// A commit fails after a statement failed. PostgreSQL answers this COMMIT with ROLLBACK, which sqlx reports as success.
#[tokio::test]
async fn a_commit_after_a_statement_failed_is_no_success() {
    let db = TwoTenants::create().await;
    let transaction = db.acme.begin().await.unwrap();
    transaction.execute_unprepared(RENAME).await.unwrap();
    transaction.execute_unprepared("SELECT 1 / 0").await.unwrap_err();
    let error = transaction.commit().await.unwrap_err();
    assert_is!(error, StatementFailed);
    assert_eq!(renamed(&db.acme).await, 0);

    // A failed nested transaction that is rolled back does not count, nor does a refused statement.
    let transaction = db.acme.begin().await.unwrap();
    transaction.execute_unprepared(RENAME).await.unwrap();
    let nested = transaction.begin().await.unwrap();
    nested.execute_unprepared("SELECT 1 / 0").await.unwrap_err();
    nested.rollback().await.unwrap();
    transaction
        .execute_unprepared("SELECT * FROM secret")
        .await
        .unwrap_err();
    transaction.commit().await.unwrap();
    assert_eq!(renamed(&db.acme).await, 2);
}

/// sqlx names savepoints by their depth, so ending one of two siblings could end the other one.
#[tokio::test]
async fn a_transaction_has_one_nested_transaction_at_a_time() {
    let db = TwoTenants::create().await;
    let outer = db.acme.begin().await.unwrap();
    let first = outer.begin().await.unwrap();
    for error in [
        outer.begin().await.map(|_| ()).unwrap_err(),
        outer.execute_unprepared(RENAME).await.map(|_| ()).unwrap_err(),
    ] {
        assert_is!(error, NestedOpen);
    }
    first.execute_unprepared(RENAME).await.unwrap();
    first.commit().await.unwrap();
    let second = outer.begin().await.unwrap();
    second
        .execute_unprepared("UPDATE note SET title = 'second'")
        .await
        .unwrap();
    second.rollback().await.unwrap();
    outer.commit().await.unwrap();
    assert_eq!(renamed(&db.acme).await, 2);
}

#[tokio::test]
async fn an_unguarded_transaction_knows_whether_it_can_commit() {
    let db = TwoTenants::create().await;
    let transaction = db.acme.begin_unguarded().await.unwrap();
    transaction.execute_unprepared(RENAME).await.unwrap();
    transaction.execute_unprepared("SELECT 1 / 0").await.unwrap_err();
    let error = transaction.commit().await.unwrap_err();
    assert_is!(error, StatementFailed);
    assert_eq!(renamed(&db.acme).await, 0);

    let transaction = db.acme.begin_unguarded().await.unwrap();
    transaction.execute_unprepared("SAVEPOINT mine").await.unwrap();
    transaction.execute_unprepared("SELECT 1 / 0").await.unwrap_err();
    transaction.execute_unprepared("ROLLBACK TO mine").await.unwrap();
    transaction.execute_unprepared(RENAME).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(renamed(&db.acme).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_after_a_dropped_nested_begin_is_kept() {
    let db = TwoTenants::create().await;
    for round in 0..400 {
        let outer = db.acme.begin().await.unwrap();
        let _ = tokio::time::timeout(Duration::from_micros(3 * round), outer.begin()).await;
        outer.execute_unprepared(RENAME).await.unwrap();
        outer.commit().await.unwrap();
        assert_eq!(
            renamed(&db.acme).await,
            2,
            "an acknowledged write was lost in round {round}"
        );
        db.acme
            .execute_unprepared("UPDATE note SET title = 'acme'")
            .await
            .unwrap();
    }
    settle(db.tenants.shared_connection()).await;
}

#[tokio::test]
async fn a_stream_in_a_transaction_may_be_dropped_half_way() {
    let db = TwoTenants::create().await;
    let transaction = db.acme.begin().await.unwrap();
    let mut stream = note::Entity::find().stream(&transaction).await.unwrap();
    assert!(stream.try_next().await.unwrap().is_some());
    drop(stream);
    assert_eq!(renamed(&transaction).await, 0);
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn an_unguarded_transaction_has_the_isolation_that_is_asked_for() {
    let db = TwoTenants::create().await;
    let options = TransactionOptions {
        isolation_level: Some(IsolationLevel::Serializable),
        ..Default::default()
    };
    let transaction = db.acme.begin_unguarded_with_options(options).await.unwrap();
    let level = Statement::from_string(DbBackend::Postgres, "SHOW transaction_isolation");
    let row = transaction.query_one_raw(level).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<String>(0).unwrap(), "serializable");
    transaction.rollback().await.unwrap();
}

/// PostgreSQL skips a missing schema of the search path, so the transaction would run on the next schema.
#[tokio::test]
async fn an_unguarded_transaction_of_a_deleted_tenant_does_not_begin() {
    let db = TwoTenants::create().await;
    let admin = db.tenants.shared_connection();
    let delete = "DROP SCHEMA acme CASCADE; CREATE TABLE public.note (title text)";
    admin.execute_unprepared(delete).await.unwrap();
    let error = db.acme.begin_unguarded().await.unwrap_err();
    let is_missing = matches!(
        ConnectionError::of(&error),
        Some(ConnectionError::NoSchema { .. })
    );
    assert!(is_missing, "{error}");
    let globex = db.globex.begin_unguarded().await.unwrap();
    globex.rollback().await.unwrap();
}

#[tokio::test]
async fn an_unguarded_transaction_has_the_search_path_until_it_ends() {
    let db = TwoTenants::create().await;
    let transaction = db.acme.begin_unguarded().await.unwrap();
    transaction
        .execute_unprepared("DO $$ BEGIN UPDATE note SET title = 'renamed' WHERE id = 1; END $$")
        .await
        .unwrap();
    // Entities and nested transactions work in an unguarded transaction.
    let inner = transaction.begin().await.unwrap();
    inner
        .execute_unprepared("CREATE TEMPORARY TABLE copy AS SELECT * FROM note")
        .await
        .unwrap();
    inner.commit().await.unwrap();
    assert_eq!(renamed(&transaction).await, 1);
    transaction.commit().await.unwrap();
    assert_eq!((renamed(&db.acme).await, renamed(&db.globex).await), (1, 0));
    let plain = db.tenants.shared_connection();
    for _ in 0..8 {
        let path = "SELECT current_setting('search_path')";
        let statement = sea_orm::Statement::from_string(sea_orm::DatabaseBackend::Postgres, path);
        let row = plain.query_one_raw(statement).await.unwrap().unwrap();
        assert_eq!(row.try_get_by_index::<String>(0).unwrap(), "public");
    }
}

/// Polls a future at most `polls` times and drops it, as when a client disconnects. True if it was ready by then.
async fn drop_after<F: Future>(polls: usize, future: F) -> bool {
    let mut future = pin!(future);
    for _ in 0..polls {
        let ready = poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await;
        if ready {
            return true;
        }
        tokio::time::sleep(Duration::from_micros(50)).await;
    }
    false
}

/// Number of other sessions of this database that are idle in a transaction.
const OPEN: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
     AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()";

async fn open_transactions(db: &impl ConnectionTrait) -> i64 {
    let statement = sea_orm::Statement::from_string(sea_orm::DatabaseBackend::Postgres, OPEN);
    db.query_one_raw(statement)
        .await
        .unwrap()
        .unwrap()
        .try_get_by_index(0)
        .unwrap()
}

/// Waits until no transaction is open: a dropped BEGIN is rolled back when its connection returns to the pool.
async fn settle(db: &impl ConnectionTrait) {
    for _ in 0..200 {
        if open_transactions(db).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a transaction was left open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_begin_leaves_no_open_transaction() {
    let db = TwoTenants::create().await;
    for polls in 0..60 {
        drop_after(polls % 12, db.acme.begin()).await;
    }
    // On a connection that is still inside a transaction, this write would be lost.
    for _ in 0..16 {
        db.acme.execute_unprepared(RENAME).await.unwrap();
    }
    settle(db.tenants.shared_connection()).await;
    assert_eq!(renamed(&db.acme).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_nested_begin_does_not_lose_the_outer_transaction() {
    let db = TwoTenants::create().await;
    for polls in 0..40 {
        let outer = db.acme.begin().await.unwrap();
        outer
            .execute_unprepared("UPDATE note SET title = 'renamed' WHERE id = 1")
            .await
            .unwrap();
        drop_after(polls % 10, outer.begin()).await;
        // Whether or not the nested transaction began, the next statement runs in the outer transaction or is refused.
        let after = outer
            .execute_unprepared("UPDATE note SET title = 'renamed' WHERE id = 2")
            .await;
        assert_eq!(
            renamed(&db.acme).await,
            0,
            "a statement ran outside of its transaction"
        );
        after.unwrap();
        outer.rollback().await.unwrap_or_default();
        assert_eq!(renamed(&db.acme).await, 0);
    }
    settle(db.tenants.shared_connection()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_commit_commits_all_or_nothing() {
    let db = TwoTenants::create().await;
    for polls in 0..40 {
        let transaction = db.acme.begin().await.unwrap();
        transaction.execute_unprepared(RENAME).await.unwrap();
        drop_after(polls % 10, transaction.commit()).await;
        settle(db.tenants.shared_connection()).await;
        assert!([0, 2].contains(&renamed(&db.acme).await));
        db.acme
            .execute_unprepared("UPDATE note SET title = 'acme'")
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_may_be_dropped_while_it_is_used() {
    let db = TwoTenants::create().await;
    for polls in 0..20 {
        let outer = db.acme.begin().await.unwrap();
        let inner = outer.begin().await.unwrap();
        let sleeper = tokio::spawn(async move {
            let _ = inner.execute_unprepared("SELECT pg_sleep(0.01)").await;
        });
        tokio::time::sleep(Duration::from_micros(300 * polls)).await;
        drop(outer);
        sleeper.await.unwrap();
    }
    settle(db.tenants.shared_connection()).await;
    assert_eq!(renamed(&db.acme).await, 0);
}

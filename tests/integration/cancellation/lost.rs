//! Connections that are lost at a message, or whose server stops answering.

use std::time::Duration;

use futures_util::{TryStreamExt, future::join_all};
use sea_orm::{ConnectionTrait, StreamTrait, TransactionTrait};
use tenant_core::ConnectionError;
use tests::{Direction, Fault, Rule};

use super::{Faulty, LONG, drop_when, insert, numbers};
use crate::entities::with_roles;

/// The rule for a message, and the number of notes if the message is lost.
type Loss = (fn(&'static str, Fault) -> Rule, i64);

/// The request or the reply is lost. The client cannot distinguish the two.
const LOSSES: [Loss; 2] = [(Rule::request, 0), (Rule::reply, 1)];
const ENDINGS: [Fault; 2] = [Fault::Cut, Fault::Reset];

#[tokio::test]
async fn a_commit_whose_reply_is_lost_has_an_unknown_outcome() {
    for fault in ENDINGS {
        for (rule, notes) in LOSSES {
            let db = Faulty::create(1).await;
            let transaction = db.acme.begin().await.unwrap();
            transaction.execute_raw(insert("lost")).await.unwrap();
            let lost = db.proxy.add(rule("COMMIT", fault));
            let error = transaction.commit().await.unwrap_err();
            assert!(lost.has_fired());
            let is_unknown = matches!(
                ConnectionError::of(&error),
                Some(ConnectionError::CommitUnknown { .. })
            );
            assert!(is_unknown, "{error}");
            assert_eq!(db.notes("lost").await, notes, "{fault:?}");
            db.assert_clean("a lost commit").await;
        }
    }
}

/// A fatal error may come from a pooler that lost its server, so it does not prove that the commit failed.
#[tokio::test]
async fn a_commit_that_ends_in_a_fatal_error_has_an_unknown_outcome() {
    let db = Faulty::create(1).await;
    let transaction = db.acme.begin().await.unwrap();
    transaction.execute_raw(insert("lost")).await.unwrap();
    db.proxy.add(Rule::reply("COMMIT", Fault::Fatal));
    let error = transaction.commit().await.unwrap_err();
    let is_unknown = matches!(
        ConnectionError::of(&error),
        Some(ConnectionError::CommitUnknown { .. })
    );
    assert!(is_unknown, "{error}");
    assert_eq!(db.notes("lost").await, 1);
    db.assert_clean("a commit that was given up").await;
}

#[tokio::test]
async fn the_closure_form_says_that_the_outcome_is_unknown() {
    let db = Faulty::create(1).await;
    db.proxy.add(Rule::reply("COMMIT", Fault::Cut));
    let outcome = db.acme.transaction::<_, _, sea_orm::DbErr>(|transaction| {
        Box::pin(async move { transaction.execute_raw(insert("lost")).await })
    });
    let error = match outcome.await.unwrap_err() {
        sea_orm::TransactionError::Connection(error) => error,
        sea_orm::TransactionError::Transaction(error) => panic!("not the closure's error: {error}"),
    };
    let is_unknown = matches!(
        ConnectionError::of(&error),
        Some(ConnectionError::CommitUnknown { .. })
    );
    assert!(is_unknown, "{error}");
    assert_eq!(db.notes("lost").await, 1);
}

#[tokio::test]
async fn the_end_of_a_nested_transaction_that_is_lost_ends_the_outer_one() {
    for fault in ENDINGS {
        let db = Faulty::create(1).await;
        let outer = db.acme.begin().await.unwrap();
        outer.execute_raw(insert("lost")).await.unwrap();
        let inner = outer.begin().await.unwrap();
        db.proxy.add(Rule::reply("RELEASE", fault));
        inner.commit().await.unwrap_err();
        outer.execute_raw(insert("lost")).await.unwrap_err();
        outer.commit().await.unwrap_err();
        assert_eq!(db.notes("lost").await, 0);
        db.assert_clean("a lost release").await;
    }
}

#[tokio::test]
async fn a_rollback_whose_reply_is_lost_rolls_back() {
    for fault in ENDINGS {
        for (rule, _) in LOSSES {
            let db = Faulty::create(1).await;
            let transaction = db.acme.begin().await.unwrap();
            transaction.execute_raw(insert("lost")).await.unwrap();
            db.proxy.add(rule("ROLLBACK", fault));
            transaction.rollback().await.unwrap_err();
            assert_eq!(db.notes("lost").await, 0);
            db.assert_clean("a lost rollback").await;
        }
    }
}

#[tokio::test]
async fn a_begin_whose_reply_is_lost_leaves_nothing_behind() {
    for fault in ENDINGS {
        for (rule, _) in LOSSES {
            let db = Faulty::create(1).await;
            db.proxy.add(rule("BEGIN", fault));
            db.acme.begin().await.unwrap_err();
            db.assert_clean("a lost begin").await;
        }
    }
}

#[tokio::test]
async fn a_statement_whose_reply_is_lost_is_an_error() {
    for fault in ENDINGS {
        for (rule, notes) in LOSSES {
            let db = Faulty::create(1).await;
            db.proxy.add(rule("INSERT", fault));
            db.acme.execute_raw(insert("lost")).await.unwrap_err();
            // With a role, the statement is in a transaction, whose commit was not sent.
            let notes = if with_roles() { 0 } else { notes };
            assert_eq!(db.notes("lost").await, notes, "{fault:?}");
            db.assert_clean("a lost statement").await;
        }
    }
}

#[tokio::test]
async fn a_transaction_whose_connection_is_lost_refuses_everything() {
    for fault in ENDINGS {
        let db = Faulty::create(1).await;
        let transaction = db.acme.begin().await.unwrap();
        transaction.execute_raw(insert("lost")).await.unwrap();
        db.proxy.add(Rule::message(Direction::ToClient, b"D", fault));
        transaction.query_all_raw(numbers(9)).await.unwrap_err();
        transaction.execute_raw(insert("lost")).await.unwrap_err();
        transaction.begin().await.map(|_| ()).unwrap_err();
        transaction.commit().await.unwrap_err();
        assert_eq!(db.notes("lost").await, 0);
        db.assert_clean("a lost transaction").await;
    }
}

/// The error tells an incomplete result from a complete one.
#[tokio::test]
async fn a_stream_whose_connection_is_lost_ends_with_an_error() {
    for fault in ENDINGS {
        let db = Faulty::create(1).await;
        db.proxy
            .add(Rule::message(Direction::ToClient, b"D", fault).nth(3));
        let rows = db.acme.stream_raw(numbers(9)).await.unwrap();
        rows.try_collect::<Vec<_>>().await.unwrap_err();
        db.assert_clean("a lost stream").await;

        db.proxy
            .add(Rule::message(Direction::ToClient, b"D", fault).nth(3));
        let transaction = db.acme.begin().await.unwrap();
        let rows = transaction.stream_raw(numbers(9)).await.unwrap();
        rows.try_collect::<Vec<_>>().await.unwrap_err();
        transaction.commit().await.unwrap_err();
        db.assert_clean("a lost stream of a transaction").await;
    }
}

/// The pool waits some seconds for a silent server, and then replaces the connection.
#[tokio::test]
async fn the_pool_recovers_from_a_server_that_is_silent() {
    let in_query = [Direction::ToServer, Direction::ToClient].map(|direction| async move {
        let db = Faulty::create(1).await;
        let silent = db.proxy.add(Rule::any(direction, Fault::Blackhole));
        let query = db.acme.query_all_raw(numbers(9));
        assert!(drop_when(silent.fired(), query).await.is_none());
        assert_recovers(&db).await;
    });
    join_all(in_query).await;
}

#[tokio::test]
async fn a_stream_that_is_dropped_while_the_server_is_silent_keeps_no_connection() {
    let db = Faulty::create(1).await;
    let row = Rule::message(Direction::ToClient, b"D", Fault::Blackhole);
    let silent = db.proxy.add(row.nth(3));
    let rows = db.acme.stream_raw(numbers(9)).await.unwrap();
    let read = drop_when(silent.fired(), rows.try_collect::<Vec<_>>()).await;
    assert!(read.is_none());
    assert_recovers(&db).await;
}

/// Work that continues after its caller was dropped has a timeout.
#[tokio::test]
async fn the_pool_recovers_from_a_server_that_is_silent_while_a_transaction_begins_or_ends() {
    let at_text = ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"].map(|text| async move {
        let db = Faulty::create(1).await;
        let silent = db.proxy.add(Rule::reply(text, Fault::Blackhole));
        let work = async {
            let outer = db.acme.begin().await?;
            let inner = outer.begin().await?;
            inner.commit().await?;
            if text == "ROLLBACK" {
                outer.rollback().await
            } else {
                outer.commit().await
            }
        };
        assert!(drop_when(silent.fired(), work).await.is_none(), "{text}");
        assert_recovers(&db).await;
    });
    join_all(at_text).await;
}

/// A nested begin that times out breaks the outer transaction. sqlx would run later statements outside of it.
#[tokio::test]
async fn a_nested_begin_that_is_given_up_breaks_the_outer_transaction_off() {
    let db = Faulty::create(1).await;
    let outer = db.acme.begin().await.unwrap();
    outer.execute_raw(insert("outer")).await.unwrap();
    let held = db.proxy.add(Rule::reply("SAVEPOINT", Fault::Hold));
    assert!(drop_when(held.fired(), outer.begin()).await.is_none());
    // The statement waits until the nested begin times out. It is not sent, since the server would not answer.
    let refused = tokio::time::timeout(LONG, outer.execute_raw(insert("outer"))).await;
    let error = refused.expect("an answer").unwrap_err();
    let is_broken = matches!(
        ConnectionError::of(&error),
        Some(ConnectionError::TransactionBroken { .. })
    );
    assert!(is_broken, "{error}");
    held.release();
    outer.commit().await.unwrap_err();
    db.assert_clean("a nested begin was given up").await;
    assert_eq!(db.notes("outer").await, 0);
}

async fn assert_recovers(db: &Faulty) {
    let recovered = tokio::time::timeout(LONG, db.acme.execute_raw(insert("after"))).await;
    recovered.expect("a place in the pool").unwrap();
    db.assert_clean("a silent server").await;
}

/// A slow network delays a commit, but does not make it fail.
#[tokio::test]
async fn a_commit_that_takes_its_time_is_a_commit() {
    let db = Faulty::create(1).await;
    let transaction = db.acme.begin().await.unwrap();
    transaction.execute_raw(insert("late")).await.unwrap();
    db.proxy
        .add(Rule::reply("COMMIT", Fault::Delay(Duration::from_millis(200))));
    transaction.commit().await.unwrap();
    assert_eq!(db.notes("late").await, 1);
}

//! Futures that are dropped while they wait for a connection of the pool.

use std::time::Duration;

use sea_orm::{ConnectionTrait, TransactionTrait};
use tests::{Fault, Rule};

use super::{Faulty, drop_after, insert};

/// A begin that is dropped while it waits sends nothing to the server.
#[tokio::test]
async fn begins_that_are_dropped_while_they_wait_leave_the_queue() {
    let db = Faulty::create(1).await;
    let holder = db.acme.begin().await.unwrap();
    let begun = db.proxy.add(Rule::request("BEGIN", Fault::Split(1)));
    for polls in 0..200 {
        assert!(drop_after(1 + polls % 3, db.acme.begin()).await.is_none());
    }
    assert_eq!(db.status().waiting, 0);
    drop(holder);
    db.acme.execute_raw(insert("after")).await.unwrap();
    assert_eq!(db.notes("after").await, 1);
    assert!(!begun.has_fired() || crate::entities::with_roles());
    db.assert_clean("dropped while waiting").await;
}

/// A connection that becomes free when its waiter is dropped is not lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_comes_for_nobody_goes_to_the_next() {
    let db = Faulty::create(2).await;
    for round in 0..300 {
        let holders = (db.acme.begin().await.unwrap(), db.acme.begin().await.unwrap());
        let acme = db.acme.clone();
        let leaving = tokio::spawn(async move {
            let _ = tokio::time::timeout(Duration::from_micros(round * 7), acme.begin()).await;
        });
        tokio::time::sleep(Duration::from_micros(round * 5)).await;
        drop(holders);
        leaving.await.unwrap();
    }
    db.assert_clean("left at the last moment").await;
}

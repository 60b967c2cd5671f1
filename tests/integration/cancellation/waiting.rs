//! Futures that are dropped while they wait for a connection of the pool.

use std::time::Duration;

use sea_orm::{ConnectionTrait, TransactionTrait};
use tests::{Fault, Rule};

use super::{Faulty, drop_after, insert};

/// The clients that went away were there first, and each takes the time of a BEGIN and a ROLLBACK: SeaORM takes the
/// connection inside of `begin`, so that nobody can tell from outside whether it is still waiting.
#[tokio::test]
async fn begins_that_are_dropped_while_they_wait_do_not_starve_the_pool() {
    let db = Faulty::trusting(1).await;
    let holder = db.acme.begin().await.unwrap();
    for _ in 0..200 {
        assert!(drop_after(1, db.acme.begin()).await.is_none());
        tokio::task::yield_now().await;
    }
    let last = db.proxy.add(Rule::request("BEGIN", Fault::Split(1)).nth(200));
    drop(holder);
    db.acme.execute_raw(insert("after")).await.unwrap();
    assert_eq!(db.notes("after").await, 1);
    assert!(last.has_fired(), "they were not waiting");
    db.assert_clean("dropped while waiting").await;
}

/// Nor do they wait for ever.
#[tokio::test]
async fn a_begin_that_is_dropped_gives_up_waiting() {
    let db = Faulty::resetting(1).await;
    let holder = db.acme.begin().await.unwrap();
    let begun = db.proxy.add(Rule::request("BEGIN", Fault::Split(1)));
    assert!(drop_after(1, db.acme.begin()).await.is_none());
    tokio::time::sleep(Duration::from_secs(8)).await;
    drop(holder);
    db.assert_clean("given up").await;
    assert!(!begun.has_fired());
    // The rule would have seen it.
    drop(db.acme.begin().await.unwrap());
    assert!(begun.has_fired());
}

//! Bugs of sqlx 0.9.0 when a future is dropped on a plain connection, which a tenant's connection does not have.
//!
//! If a test of the plain connection fails, sqlx has fixed the bug.

use sea_orm::{ConnectionTrait, TransactionTrait};
use tests::{Fault, Rule};

use super::{Faulty, drop_when, insert, plain_insert};

/// sqlx's bug: <https://github.com/transact-rs/sqlx/issues/4393>.
#[tokio::test]
async fn a_dropped_begin_of_a_plain_connection_swallows_the_next_borrowers_write() {
    let db = Faulty::create(1).await;
    let plain = db.plain().await;
    let held = db.proxy.add(Rule::reply("BEGIN", Fault::Hold));
    assert!(drop_when(held.fired(), plain.begin()).await.is_none());
    held.release();

    let acknowledged = plain.execute_raw(plain_insert("written")).await.unwrap();
    assert_eq!(acknowledged.rows_affected(), 1);
    assert_eq!(db.notes("written").await, 0, "sqlx was mended");
    plain.close().await.unwrap();
    assert_eq!(db.notes("written").await, 0, "sqlx was mended");
}

#[tokio::test]
async fn a_dropped_begin_of_a_tenants_connection_leaves_nothing_behind() {
    let db = Faulty::create(1).await;
    let held = db.proxy.add(Rule::reply("BEGIN", Fault::Hold));
    assert!(drop_when(held.fired(), db.acme.begin()).await.is_none());
    held.release();

    db.acme.execute_raw(insert("written")).await.unwrap();
    assert_eq!(db.notes("written").await, 1);
    db.assert_clean("a dropped begin").await;
}

#[tokio::test]
async fn a_dropped_nested_begin_of_a_plain_connection_loses_the_outer_transaction() {
    let db = Faulty::create(1).await;
    let plain = db.plain().await;
    let outer = plain.begin().await.unwrap();
    outer.execute_raw(plain_insert("before")).await.unwrap();
    let held = db.proxy.add(Rule::reply("SAVEPOINT", Fault::Hold));
    assert!(drop_when(held.fired(), outer.begin()).await.is_none());
    held.release();

    outer.execute_raw(plain_insert("after")).await.unwrap();
    assert_eq!(db.notes("after").await, 1, "sqlx was mended");
    outer.commit().await.unwrap();
    assert_eq!(db.notes("before").await, 0, "sqlx was mended");
}

#[tokio::test]
async fn a_dropped_nested_begin_of_a_tenants_connection_keeps_the_outer_transaction() {
    for rule in [
        Rule::reply("SAVEPOINT", Fault::Hold),
        Rule::request("SAVEPOINT", Fault::Hold),
    ] {
        let db = Faulty::create(1).await;
        let outer = db.acme.begin().await.unwrap();
        outer.execute_raw(insert("before")).await.unwrap();
        let held = db.proxy.add(rule);
        assert!(drop_when(held.fired(), outer.begin()).await.is_none());
        held.release();

        outer.execute_raw(insert("after")).await.unwrap();
        assert_eq!((db.notes("before").await, db.notes("after").await), (0, 0));
        outer.commit().await.unwrap();
        assert_eq!((db.notes("before").await, db.notes("after").await), (1, 1));
        db.assert_clean("a dropped nested begin").await;
    }
}

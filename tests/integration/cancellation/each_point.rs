//! All operations of a tenant's connection, dropped at each poll and at each message from the server.

use std::{pin::pin, time::Duration};

use futures_util::{TryStreamExt, future::join_all};
use sea_orm::{ConnectionTrait, DbErr, IsolationLevel, StreamTrait, TransactionError, TransactionTrait};
use tenant_core::TenantConnection;
use tests::{Direction, Fault, Faults, Rule};

use super::{Faulty, drop_after, drop_when, insert, numbers};

/// An operation that is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Execute,
    QueryOne,
    QueryAll,
    Stream,
    Commit,
    Rollback,
    NestedCommit,
    NestedRollback,
    NestedDrop,
    Closure,
    ClosureThatFails,
    Unguarded,
    Serializable,
    StreamInTransaction,
}

const ALL: [Work; 14] = [
    Work::Execute,
    Work::QueryOne,
    Work::QueryAll,
    Work::Stream,
    Work::Commit,
    Work::Rollback,
    Work::NestedCommit,
    Work::NestedRollback,
    Work::NestedDrop,
    Work::Closure,
    Work::ClosureThatFails,
    Work::Unguarded,
    Work::Serializable,
    Work::StreamInTransaction,
];

impl Work {
    /// Returns the number of notes that the completed operation inserts.
    fn notes(self) -> i64 {
        match self {
            Self::QueryOne | Self::QueryAll | Self::Stream | Self::Rollback | Self::ClosureThatFails => 0,
            Self::NestedCommit => 2,
            _ => 1,
        }
    }

    async fn run(self, db: &TenantConnection, title: &str) -> Result<(), DbErr> {
        match self {
            Self::Execute => execute(db, title).await,
            Self::QueryOne => db.query_one_raw(numbers(1)).await.map(|_| ()),
            Self::QueryAll => db.query_all_raw(numbers(9)).await.map(|_| ()),
            Self::Stream => read_half(db).await,
            Self::Commit | Self::Rollback => {
                let transaction = db.begin().await?;
                execute(&transaction, title).await?;
                if self == Self::Commit {
                    transaction.commit().await
                } else {
                    transaction.rollback().await
                }
            }
            Self::NestedCommit | Self::NestedRollback | Self::NestedDrop => self.nested(db, title).await,
            Self::Closure | Self::ClosureThatFails => self.closure(db, title).await,
            Self::Unguarded => {
                let transaction = db.begin_unguarded().await?;
                execute(&transaction, title).await?;
                transaction.commit().await
            }
            Self::Serializable => {
                let level = Some(IsolationLevel::Serializable);
                let transaction = db.begin_with_config(level, None).await?;
                execute(&transaction, title).await?;
                transaction.commit().await
            }
            Self::StreamInTransaction => {
                let transaction = db.begin().await?;
                execute(&transaction, title).await?;
                read_half(&transaction).await?;
                transaction.commit().await
            }
        }
    }

    async fn nested(self, db: &TenantConnection, title: &str) -> Result<(), DbErr> {
        let outer = db.begin().await?;
        execute(&outer, title).await?;
        let inner = outer.begin().await?;
        execute(&inner, title).await?;
        match self {
            Self::NestedCommit => inner.commit().await?,
            Self::NestedRollback => inner.rollback().await?,
            _ => drop(inner),
        }
        outer.commit().await
    }

    async fn closure(self, db: &TenantConnection, title: &str) -> Result<(), DbErr> {
        let title = title.to_owned();
        let failure = DbErr::Custom("on purpose".to_owned());
        let outcome = db.transaction(|transaction| {
            Box::pin(async move {
                execute(transaction, &title).await?;
                if self == Self::ClosureThatFails {
                    Err(failure)
                } else {
                    Ok(())
                }
            })
        });
        match outcome.await {
            Ok(()) => Ok(()),
            Err(TransactionError::Transaction(DbErr::Custom(_))) if self == Self::ClosureThatFails => Ok(()),
            Err(TransactionError::Transaction(error) | TransactionError::Connection(error)) => Err(error),
        }
    }
}

async fn execute(db: &impl ConnectionTrait, title: &str) -> Result<(), DbErr> {
    db.execute_raw(insert(title)).await.map(|_| ())
}

async fn read_half(db: &impl StreamTrait) -> Result<(), DbErr> {
    let mut rows = pin!(db.stream_raw(numbers(50)).await?);
    for _ in 0..25 {
        rows.try_next().await?;
    }
    Ok(())
}

/// Checks that an acknowledged operation was done completely, and a dropped one completely or not at all.
async fn assert_whole(db: &Faulty, work: Work, title: &str, output: Option<Result<(), DbErr>>) {
    let notes = db.notes(title).await;
    if let Some(result) = output {
        result.unwrap_or_else(|error| panic!("{title}: {error}"));
        assert_eq!(notes, work.notes(), "{title}");
    } else {
        assert!([0, work.notes()].contains(&notes), "{title}: {notes}");
    }
}

#[tokio::test]
async fn dropped_at_each_poll() {
    drop_at_each_poll(&Faulty::create(1).await).await;
}

#[tokio::test]
async fn dropped_at_each_poll_with_roles() {
    drop_at_each_poll(&Faulty::with_roles(1).await).await;
}

async fn drop_at_each_poll(db: &Faulty) {
    for work in ALL {
        for polls in 0.. {
            assert!(polls < 1000, "{work:?} does not end");
            // Replies are split, so that some polls end in the middle of a message.
            db.proxy.set_faults(Faults {
                split: 0.3,
                ..Faults::default()
            });
            let title = format!("{work:?} after {polls} polls");
            let output = drop_after(polls, work.run(&db.acme, &title)).await;
            db.proxy.set_faults(Faults::default());
            let is_done = output.is_some();
            db.assert_clean(&title).await;
            assert_whole(db, work, &title, output).await;
            if is_done {
                break;
            }
        }
    }
    assert!(db.proxy.counts().splits > 100);
}

#[tokio::test]
async fn dropped_at_each_reply() {
    drop_at_each_message(&Faulty::create(1).await, Direction::ToClient).await;
}

#[tokio::test]
async fn dropped_at_each_reply_with_roles() {
    drop_at_each_message(&Faulty::with_roles(1).await, Direction::ToClient).await;
}

#[tokio::test]
async fn dropped_at_each_request() {
    drop_at_each_message(&Faulty::create(1).await, Direction::ToServer).await;
}

async fn drop_at_each_message(db: &Faulty, direction: Direction) {
    for work in ALL {
        for n in 1.. {
            assert!(n < 1000, "{work:?} does not end");
            let title = format!("{work:?} at message {n}");
            let held = db.proxy.add(Rule::any(direction, Fault::Hold).nth(n));
            let output = drop_when(held.fired(), work.run(&db.acme, &title)).await;
            held.release();
            let is_done = output.is_some();
            db.assert_clean(&title).await;
            assert_whole(db, work, &title, output).await;
            if is_done {
                break;
            }
        }
    }
}

/// Many clients use few connections through a slow network, and every second client is dropped. The pool stays clean.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_by_many_at_once() {
    let db = Faulty::create(3).await;
    db.proxy.set_faults(Faults {
        delay: 0.05,
        longest_delay: Duration::from_millis(3),
        split: 0.2,
        ..Faults::default()
    });
    let clients = (0..10).map(|client| {
        let acme = db.acme.clone();
        tokio::spawn(async move {
            let mut done = Vec::new();
            for (round, work) in ALL.into_iter().cycle().take(3 * ALL.len()).enumerate() {
                let title = format!("{work:?} {client} {round}");
                let polls = if (client + round) % 2 == 0 {
                    usize::MAX
                } else {
                    round % 17
                };
                let output = drop_after(polls, work.run(&acme, &title)).await;
                done.push((work, title, output));
            }
            done
        })
    });
    let done = join_all(clients).await;
    db.proxy.set_faults(Faults::default());
    db.assert_clean("many at once").await;
    for (work, title, output) in done.into_iter().flat_map(Result::unwrap) {
        assert_whole(&db, work, &title, output).await;
    }
}

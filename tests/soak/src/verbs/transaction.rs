//! Transactions: committed, rolled back, dropped, nested, given up half-way.

use futures_util::TryStreamExt;
use sea_orm::{
    AccessMode, ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IsolationLevel,
    QueryFilter, QuerySelect, TransactionError, TransactionSession, TransactionTrait,
    sea_query::{LockBehavior, LockType},
};
use tenant_core::TenantTransaction;

use super::Job;
use crate::{
    cancel::Limited,
    entities::item,
    sheet::Change,
    wrong::{Done, Kind, Wrong, require, violation},
};

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    Rollback,
    Drop,
}

fn choose_end(job: &mut Job) -> End {
    *job.random
        .pick(&[End::Commit, End::Commit, End::Rollback, End::Drop])
}

/// Ends the outermost transaction, whose changes these are.
async fn end(job: &Job, transaction: TenantTransaction, how: End, changes: Vec<Change>) -> Done {
    match how {
        End::Commit => {
            job.journal.send(changes);
            transaction.commit().await?;
        }
        End::Rollback => transaction.rollback().await?,
        End::Drop => drop(transaction),
    }
    Ok(())
}

/// One change inside of a transaction, by the `n`th operation number.
async fn change(job: &mut Job, transaction: &TenantTransaction, n: i64) -> Result<Change, Wrong> {
    let op = job.number(n);
    let (id, is_new) = match job.pick() {
        Some((id, _)) if job.random.coin() => (id, false),
        _ => (job.new_id(), true),
    };
    let model = job.item(id, op);
    let row = if is_new {
        model.insert(transaction).await?
    } else {
        model.update(transaction).await?
    };
    job.check_item(&row)?;
    Ok(Change::PutItem { id, op })
}

/// What was changed must be seen inside.
async fn check_inside(job: &Job, transaction: &TenantTransaction, changes: &[Change]) -> Done {
    let rows = own(job).all(transaction).await?;
    rows.iter().try_for_each(|row| job.check_item(row))?;
    let mut expected = (*job.sheet).clone();
    expected.settle(changes, crate::sheet::Certainty::Made);
    Ok(expected.check_items(rows.iter().map(|row| (row.id, row.op)))?)
}

fn own(job: &Job) -> sea_orm::Select<item::Entity> {
    item::Entity::find().filter(item::Column::Owner.eq(job.owner))
}

pub(super) async fn commit_or_not(mut job: Job) -> Done {
    let how = choose_end(&mut job);
    let transaction = job.db.begin().await?;
    let mut changes = vec![change(&mut job, &transaction, 0).await?];
    if job.random.coin() {
        changes.push(change(&mut job, &transaction, 1).await?);
    }
    if job.random.coin() {
        check_inside(&job, &transaction, &changes).await?;
    }
    end(&job, transaction, how, changes).await
}

/// Two levels or three, each of which ends in its own way.
pub(super) async fn nested(mut job: Job) -> Done {
    let how = choose_end(&mut job);
    let outer = job.db.begin().await?;
    let mut changes = vec![change(&mut job, &outer, 0).await?];
    let inner = outer.begin().await?;
    let mut inner_changes = changes.clone();
    inner_changes.push(change(&mut job, &inner, 1).await?);
    if job.random.coin() {
        let innermost = inner.begin().await?;
        let last = change(&mut job, &innermost, 2).await?;
        let how = choose_end(&mut job);
        end_nested(innermost, how).await?;
        if how == End::Commit {
            inner_changes.push(last);
        }
    }
    let inner_how = choose_end(&mut job);
    end_nested(inner, inner_how).await?;
    if inner_how == End::Commit {
        changes = inner_changes;
    }
    if job.random.coin() {
        changes.push(change(&mut job, &outer, 3).await?);
    }
    if job.random.coin() {
        check_inside(&job, &outer, &changes).await?;
    }
    end(&job, outer, how, changes).await
}

async fn end_nested(transaction: TenantTransaction, how: End) -> Result<(), DbErr> {
    match how {
        End::Commit => transaction.commit().await,
        End::Rollback => transaction.rollback().await,
        End::Drop => {
            drop(transaction);
            Ok(())
        }
    }
}

const ROLL_BACK: &str = "rolled back by the closure";

fn roll_back() -> DbErr {
    DbErr::Custom(ROLL_BACK.to_owned())
}

/// The closure's own error comes back, when it is what rolled back.
fn check_closure(result: Result<(), TransactionError<DbErr>>, is_committed: bool) -> Done {
    match result {
        Err(TransactionError::Transaction(DbErr::Custom(why))) if why == ROLL_BACK => {
            require(!is_committed, || {
                "a closure that returned Ok was rolled back".to_owned()
            })
        }
        Err(error) => Err(error.into()),
        Ok(()) => require(is_committed, || "a closure that failed was committed".to_owned()),
    }
}

pub(super) async fn closure(mut job: Job) -> Done {
    let (id, op, is_committed) = (job.new_id(), job.number(0), job.random.coin());
    let model = job.item(id, op);
    let journal = job.journal.clone();
    let result = job.db.transaction::<_, (), DbErr>(|transaction| {
        Box::pin(async move {
            model.insert(transaction).await?;
            if is_committed {
                journal.send([Change::PutItem { id, op }]);
                Ok(())
            } else {
                Err(roll_back())
            }
        })
    });
    check_closure(result.await, is_committed)
}

pub(super) async fn nested_closure(mut job: Job) -> Done {
    let (outer_id, inner_id) = (job.new_id(), job.new_id());
    let (outer_op, inner_op) = (job.number(0), job.number(1));
    let is_committed = job.random.coin();
    let transaction = job.db.begin().await?;
    job.item(outer_id, outer_op).insert(&transaction).await?;
    let model = job.item(inner_id, inner_op);
    let result = transaction.transaction::<_, (), DbErr>(|nested| {
        Box::pin(async move {
            model.insert(nested).await?;
            if is_committed { Ok(()) } else { Err(roll_back()) }
        })
    });
    check_closure(result.await, is_committed)?;
    let mut changes = vec![Change::PutItem {
        id: outer_id,
        op: outer_op,
    }];
    if is_committed {
        changes.push(Change::PutItem {
            id: inner_id,
            op: inner_op,
        });
    }
    end(&job, transaction, End::Commit, changes).await
}

/// A stream that ends, or is dropped after a row, and a change after it.
pub(super) async fn stream(mut job: Job) -> Done {
    let how = choose_end(&mut job);
    let transaction = job.db.begin().await?;
    let mut stream = own(&job).stream(&transaction).await?;
    if job.random.coin() {
        if let Some(row) = stream.try_next().await? {
            job.check_item(&row)?;
        }
        drop(stream);
    } else {
        let mut rows = Vec::new();
        while let Some(row) = stream.try_next().await? {
            rows.push(row);
        }
        drop(stream);
        job.check_own(&rows)?;
    }
    let changes = vec![change(&mut job, &transaction, 0).await?];
    end(&job, transaction, how, changes).await
}

/// Takes rows of anybody that nobody else holds, and changes one of its own among them.
pub(super) async fn skip_locked(mut job: Job) -> Done {
    let how = choose_end(&mut job);
    let transaction = job.db.begin().await?;
    let mut select = item::Entity::find().limit(4);
    if job.random.coin() {
        select = select.filter(item::Column::Owner.eq(job.owner));
    }
    let select = select.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let rows = select.all(&transaction).await?;
    rows.iter().try_for_each(|row| job.check_item(row))?;
    let own = rows
        .iter()
        .find(|row| job.sheet.items().any(|(id, _)| id == row.id));
    let mut changes = Vec::new();
    if let Some(own) = own {
        let (id, op) = (own.id, job.number(0));
        job.sheet.check_item(id, Some(own.op))?;
        job.item(id, op).update(&transaction).await?;
        changes.push(Change::PutItem { id, op });
    }
    end(&job, transaction, how, changes).await
}

pub(super) async fn read_only(mut job: Job) -> Done {
    let (isolation, access) = (Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly));
    let transaction = job.db.begin_with_config(isolation, access).await?;
    job.check_own(&own(&job).all(&transaction).await?)?;
    let id = job.new_id();
    let written = job.item(id, job.number(0)).insert(&transaction).await;
    job.expect_kind(
        "an insertion in a read-only transaction",
        written,
        &Kind::Database("25006".to_owned()),
    )?;
    transaction.rollback().await?;
    Ok(())
}

/// The client of a nested transaction goes away while it begins, and the outer one goes on. Either it works on as
/// it was, or it is over and says so.
pub(super) async fn begin_given_up(mut job: Job) -> Done {
    let outer = job.db.begin().await?;
    let mut changes = vec![change(&mut job, &outer, 0).await?];
    let polls = u32::try_from(job.random.below(4)).unwrap_or(0);
    if let Some(nested) = Limited::new(outer.begin(), Some(polls)).await {
        nested?.rollback().await?;
    }
    changes.push(change(&mut job, &outer, 1).await?);
    let how = choose_end(&mut job);
    end(&job, outer, how, changes).await
}

/// PostgreSQL refuses this one.
async fn fail(job: &Job, transaction: &TenantTransaction) -> Done {
    let failed = transaction.execute_unprepared("SELECT 1 / 0").await;
    job.expect_kind("a division by zero", failed, &Kind::Database("22012".to_owned()))
}

/// COMMIT after a failed statement is a rollback, and must say so.
pub(super) async fn failed_commit(mut job: Job) -> Done {
    let transaction = job.db.begin().await?;
    change(&mut job, &transaction, 0).await?;
    fail(&job, &transaction).await?;
    job.expect_kind(
        "COMMIT after a failed statement",
        transaction.commit().await,
        &Kind::StatementFailed,
    )
}

/// A nested transaction that is rolled back takes its failed statement with it.
pub(super) async fn failed_nested(mut job: Job) -> Done {
    let how = choose_end(&mut job);
    let outer = job.db.begin().await?;
    let mut changes = vec![change(&mut job, &outer, 0).await?];
    let nested = outer.begin().await?;
    change(&mut job, &nested, 1).await?;
    fail(&job, &nested).await?;
    if job.random.coin() {
        nested.rollback().await?;
    } else {
        drop(nested);
    }
    changes.push(change(&mut job, &outer, 2).await?);
    end(&job, outer, how, changes).await
}

/// A nested transaction cannot begin after a failed statement. The outer one is over then: sqlx has rolled it back.
pub(super) async fn failed_begin(mut job: Job) -> Done {
    let outer = job.db.begin().await?;
    change(&mut job, &outer, 0).await?;
    fail(&job, &outer).await?;
    match outer.begin().await {
        Ok(_) => return violation("a nested transaction began after a failed statement"),
        Err(error) if matches!(Kind::of(&error), Kind::Database(code) if code == "25P02") => {}
        Err(error) => return Err(error.into()),
    }
    let id = job.new_id();
    let written = job.item(id, job.number(1)).insert(&outer).await;
    job.expect_kind("a statement after a failed nested begin", written, &Kind::Broken)?;
    job.expect_kind(
        "COMMIT after a failed nested begin",
        outer.commit().await,
        &Kind::Broken,
    )
}

/// While a nested transaction is open, the outer one does nothing.
pub(super) async fn around_nested(mut job: Job) -> Done {
    let outer = job.db.begin().await?;
    let mut changes = vec![change(&mut job, &outer, 0).await?];
    let nested = outer.begin().await?;
    changes.push(change(&mut job, &nested, 1).await?);
    let id = job.new_id();
    let written = job.item(id, job.number(2)).insert(&outer).await;
    job.expect_kind(
        "a statement around an open nested transaction",
        written,
        &Kind::NestedOpen,
    )?;
    if job.random.coin() {
        let sibling = outer.begin().await.map(|_| ());
        job.expect_kind("a second nested transaction", sibling, &Kind::NestedOpen)?;
        nested.commit().await?;
        return end(&job, outer, End::Commit, changes).await;
    }
    // Given up here, both are dropped, and if the nested one goes first, the outer one is committed without it.
    job.journal.send(changes.drain(..1));
    let committed = outer.commit().await;
    job.journal.take();
    job.expect_kind(
        "COMMIT around an open nested transaction",
        committed,
        &Kind::NestedOpen,
    )
}

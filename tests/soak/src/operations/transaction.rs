//! Transactions: committed, rolled back, dropped, nested, cancelled.

use futures_util::TryStreamExt;
use sea_orm::{
    AccessMode, ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IsolationLevel,
    QueryFilter, QuerySelect, TransactionError, TransactionTrait,
    sea_query::{LockBehavior, LockType},
};
use tenant_core::TenantTransaction;

use super::OperationContext;
use crate::{
    cancel::Limited,
    entities::item,
    model::Change,
    outcome::{Failure, Kind, Outcome, require, violation},
};

/// End of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    Rollback,
    Drop,
}

fn choose_end(context: &mut OperationContext) -> End {
    *context
        .random
        .pick(&[End::Commit, End::Commit, End::Rollback, End::Drop])
}

/// Ends an outermost transaction with these changes.
async fn end(
    context: &OperationContext,
    transaction: TenantTransaction,
    how: End,
    changes: Vec<Change>,
) -> Outcome {
    match how {
        End::Commit => {
            context.journal.send(changes);
            transaction.commit().await?;
        }
        End::Rollback => transaction.rollback().await?,
        End::Drop => drop(transaction),
    }
    Ok(())
}

/// Makes a change in a transaction, with the `n`th operation number.
async fn change(
    context: &mut OperationContext,
    transaction: &TenantTransaction,
    n: i64,
) -> Result<Change, Failure> {
    let op = context.number(n);
    let (id, is_new) = match context.pick() {
        Some((id, _)) if context.random.coin() => (id, false),
        _ => (context.new_id(), true),
    };
    let model = context.item(id, op);
    let row = if is_new {
        model.insert(transaction).await?
    } else {
        model.update(transaction).await?
    };
    context.check_item(&row)?;
    Ok(Change::PutItem { id, op })
}

/// Checks that a transaction sees its own changes.
async fn check_inside(
    context: &OperationContext,
    transaction: &TenantTransaction,
    changes: &[Change],
) -> Outcome {
    let rows = own(context).all(transaction).await?;
    rows.iter().try_for_each(|row| context.check_item(row))?;
    let mut expected = (*context.row_model).clone();
    expected.settle(changes, crate::model::Certainty::Made);
    Ok(expected.check_items(rows.iter().map(|row| (row.id, row.op)))?)
}

fn own(context: &OperationContext) -> sea_orm::Select<item::Entity> {
    item::Entity::find().filter(item::Column::Owner.eq(context.owner))
}

pub(super) async fn commit_or_not(mut context: OperationContext) -> Outcome {
    let how = choose_end(&mut context);
    let transaction = context.db.begin().await?;
    let mut changes = vec![change(&mut context, &transaction, 0).await?];
    if context.random.coin() {
        changes.push(change(&mut context, &transaction, 1).await?);
    }
    if context.random.coin() {
        check_inside(&context, &transaction, &changes).await?;
    }
    end(&context, transaction, how, changes).await
}

/// Nests two or three levels, and ends each at random.
pub(super) async fn nested(mut context: OperationContext) -> Outcome {
    let how = choose_end(&mut context);
    let outer = context.db.begin().await?;
    let mut changes = vec![change(&mut context, &outer, 0).await?];
    let inner = outer.begin().await?;
    let mut inner_changes = changes.clone();
    inner_changes.push(change(&mut context, &inner, 1).await?);
    if context.random.coin() {
        let innermost = inner.begin().await?;
        let last = change(&mut context, &innermost, 2).await?;
        let how = choose_end(&mut context);
        end_nested(innermost, how).await?;
        if how == End::Commit {
            inner_changes.push(last);
        }
    }
    let inner_how = choose_end(&mut context);
    end_nested(inner, inner_how).await?;
    if inner_how == End::Commit {
        changes = inner_changes;
    }
    if context.random.coin() {
        changes.push(change(&mut context, &outer, 3).await?);
    }
    if context.random.coin() {
        check_inside(&context, &outer, &changes).await?;
    }
    end(&context, outer, how, changes).await
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

/// Checks that the closure was committed, or that its own error came back.
fn check_closure(result: Result<(), TransactionError<DbErr>>, is_committed: bool) -> Outcome {
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

pub(super) async fn closure(mut context: OperationContext) -> Outcome {
    let (id, op, is_committed) = (context.new_id(), context.number(0), context.random.coin());
    let model = context.item(id, op);
    let journal = context.journal.clone();
    let result = context.db.transaction::<_, (), DbErr>(|transaction| {
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

pub(super) async fn nested_closure(mut context: OperationContext) -> Outcome {
    let (outer_id, inner_id) = (context.new_id(), context.new_id());
    let (outer_op, inner_op) = (context.number(0), context.number(1));
    let is_committed = context.random.coin();
    let transaction = context.db.begin().await?;
    context.item(outer_id, outer_op).insert(&transaction).await?;
    let model = context.item(inner_id, inner_op);
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
    end(&context, transaction, End::Commit, changes).await
}

/// Reads a stream to its end or drops it after a row, and makes a change after it.
pub(super) async fn stream(mut context: OperationContext) -> Outcome {
    let how = choose_end(&mut context);
    let transaction = context.db.begin().await?;
    let mut stream = own(&context).stream(&transaction).await?;
    if context.random.coin() {
        if let Some(row) = stream.try_next().await? {
            context.check_item(&row)?;
        }
        drop(stream);
    } else {
        let mut rows = Vec::new();
        while let Some(row) = stream.try_next().await? {
            rows.push(row);
        }
        drop(stream);
        context.check_own(&rows)?;
    }
    let changes = vec![change(&mut context, &transaction, 0).await?];
    end(&context, transaction, how, changes).await
}

/// Locks rows of any task, skips locked ones, and changes one of the task's own rows among them.
pub(super) async fn skip_locked(mut context: OperationContext) -> Outcome {
    let how = choose_end(&mut context);
    let transaction = context.db.begin().await?;
    let mut select = item::Entity::find().limit(4);
    if context.random.coin() {
        select = select.filter(item::Column::Owner.eq(context.owner));
    }
    let select = select.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let rows = select.all(&transaction).await?;
    rows.iter().try_for_each(|row| context.check_item(row))?;
    let own = rows
        .iter()
        .find(|row| context.row_model.items().any(|(id, _)| id == row.id));
    let mut changes = Vec::new();
    if let Some(own) = own {
        let (id, op) = (own.id, context.number(0));
        context.row_model.check_item(id, Some(own.op))?;
        context.item(id, op).update(&transaction).await?;
        changes.push(Change::PutItem { id, op });
    }
    end(&context, transaction, how, changes).await
}

pub(super) async fn read_only(mut context: OperationContext) -> Outcome {
    let (isolation, access) = (Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly));
    let transaction = context.db.begin_with_config(isolation, access).await?;
    context.check_own(&own(&context).all(&transaction).await?)?;
    let id = context.new_id();
    let written = context.item(id, context.number(0)).insert(&transaction).await;
    context.expect_kind(
        "an insertion in a read-only transaction",
        written,
        &Kind::Database("25006".to_owned()),
    )?;
    transaction.rollback().await?;
    Ok(())
}

/// Drops the beginning of a nested transaction, and goes on with the outer one. The outer transaction must work on, or
/// fail with an error.
pub(super) async fn begin_given_up(mut context: OperationContext) -> Outcome {
    let outer = context.db.begin().await?;
    let mut changes = vec![change(&mut context, &outer, 0).await?];
    let polls = u32::try_from(context.random.below(4)).unwrap_or(0);
    if let Some(nested) = Limited::new(outer.begin(), Some(polls)).await {
        nested?.rollback().await?;
    }
    changes.push(change(&mut context, &outer, 1).await?);
    let how = choose_end(&mut context);
    end(&context, outer, how, changes).await
}

/// Runs a statement that PostgreSQL refuses.
async fn fail(context: &OperationContext, transaction: &TenantTransaction) -> Outcome {
    let failed = transaction.execute_unprepared("SELECT 1 / 0").await;
    context.expect_kind("a division by zero", failed, &Kind::Database("22012".to_owned()))
}

/// Checks that COMMIT after a failed statement, which is a rollback, returns an error.
pub(super) async fn failed_commit(mut context: OperationContext) -> Outcome {
    let transaction = context.db.begin().await?;
    change(&mut context, &transaction, 0).await?;
    fail(&context, &transaction).await?;
    context.expect_kind(
        "COMMIT after a failed statement",
        transaction.commit().await,
        &Kind::StatementFailed,
    )
}

/// Checks that the rollback of a nested transaction undoes its failed statement.
pub(super) async fn failed_nested(mut context: OperationContext) -> Outcome {
    let how = choose_end(&mut context);
    let outer = context.db.begin().await?;
    let mut changes = vec![change(&mut context, &outer, 0).await?];
    let nested = outer.begin().await?;
    change(&mut context, &nested, 1).await?;
    fail(&context, &nested).await?;
    if context.random.coin() {
        nested.rollback().await?;
    } else {
        drop(nested);
    }
    changes.push(change(&mut context, &outer, 2).await?);
    end(&context, outer, how, changes).await
}

/// Checks that a nested transaction cannot begin after a failed statement. sqlx rolls the outer transaction back then.
pub(super) async fn failed_begin(mut context: OperationContext) -> Outcome {
    let outer = context.db.begin().await?;
    change(&mut context, &outer, 0).await?;
    fail(&context, &outer).await?;
    match outer.begin().await {
        Ok(_) => return violation("a nested transaction began after a failed statement"),
        Err(error) if matches!(Kind::of(&error), Kind::Database(code) if code == "25P02") => {}
        Err(error) => return Err(error.into()),
    }
    let id = context.new_id();
    let written = context.item(id, context.number(1)).insert(&outer).await;
    context.expect_kind("a statement after a failed nested begin", written, &Kind::Broken)?;
    context.expect_kind(
        "COMMIT after a failed nested begin",
        outer.commit().await,
        &Kind::Broken,
    )
}

/// Checks that the outer transaction refuses statements while a nested one is open.
pub(super) async fn around_nested(mut context: OperationContext) -> Outcome {
    let outer = context.db.begin().await?;
    let mut changes = vec![change(&mut context, &outer, 0).await?];
    let nested = outer.begin().await?;
    changes.push(change(&mut context, &nested, 1).await?);
    let id = context.new_id();
    let written = context.item(id, context.number(2)).insert(&outer).await;
    context.expect_kind(
        "a statement around an open nested transaction",
        written,
        &Kind::NestedOpen,
    )?;
    if context.random.coin() {
        let sibling = outer.begin().await.map(|_| ());
        context.expect_kind("a second nested transaction", sibling, &Kind::NestedOpen)?;
        nested.commit().await?;
        return end(&context, outer, End::Commit, changes).await;
    }
    // If this operation is cancelled here, both are dropped. If the nested one is dropped first, the outer one is
    // committed without it.
    context.journal.send(changes.drain(..1));
    let committed = outer.commit().await;
    context.journal.take();
    context.expect_kind(
        "COMMIT around an open nested transaction",
        committed,
        &Kind::NestedOpen,
    )
}

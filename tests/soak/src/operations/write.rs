//! Writing with entities, each in one statement.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, TryInsertResult,
    sea_query::{Expr, OnConflict},
};

use super::OperationContext;
use crate::{
    entities::{item, mood, part, plan, title},
    model::Change,
    outcome::{Outcome, require, violation},
};

/// Checks that a returned row is the row that was written.
fn check_written(context: &OperationContext, row: &item::Model, id: i64, op: i64) -> Outcome {
    context.check_item(row)?;
    require((row.id, row.op) == (id, op), || {
        format!("wrote item {id} of operation {op}, but got {row:?} back")
    })
}

pub(super) async fn insert(mut context: OperationContext) -> Outcome {
    let (id, op) = (context.new_id(), context.number(0));
    context.journal.send([Change::PutItem { id, op }]);
    let row = context.item(id, op).insert(&context.db).await?;
    check_written(&context, &row, id, op)
}

pub(super) async fn insert_many(mut context: OperationContext) -> Outcome {
    let count = 2 + i64::try_from(context.random.below(3)).unwrap_or(0);
    let rows: Vec<_> = (0..count)
        .map(|n| (context.new_id(), context.number(n)))
        .collect();
    context
        .journal
        .send(rows.iter().map(|(id, op)| Change::PutItem { id: *id, op: *op }));
    let models: Vec<_> = rows.iter().map(|(id, op)| context.item(*id, *op)).collect();
    if context.random.coin() {
        item::Entity::insert_many(models)
            .exec_without_returning(&context.db)
            .await?;
        return Ok(());
    }
    let written = item::Entity::insert_many(models)
        .exec_with_returning(&context.db)
        .await?;
    require(written.len() == rows.len(), || {
        format!("wrote {} items, got {written:?} back", rows.len())
    })?;
    written
        .iter()
        .zip(rows)
        .try_for_each(|(row, (id, op))| check_written(&context, row, id, op))
}

fn all_but_the_id() -> OnConflict {
    OnConflict::column(item::Column::Id)
        .update_columns([
            item::Column::Op,
            item::Column::Title,
            item::Column::Mood,
            item::Column::Plan,
            item::Column::Watermark,
        ])
        .to_owned()
}

pub(super) async fn upsert(mut context: OperationContext) -> Outcome {
    let id = match context.pick() {
        Some((id, _)) => id,
        None => context.new_id(),
    };
    let op = context.number(0);
    context.journal.send([Change::PutItem { id, op }]);
    let insert = item::Entity::insert(context.item(id, op)).on_conflict(all_but_the_id());
    let row = insert.exec_with_returning(&context.db).await?;
    check_written(&context, &row, id, op)
}

/// Checks that inserting an existing row with ON CONFLICT DO NOTHING changes nothing.
pub(super) async fn insert_or_nothing(mut context: OperationContext) -> Outcome {
    let Some((id, _)) = context.pick() else {
        return insert(context).await;
    };
    let insert = item::Entity::insert(context.item(id, context.number(0))).on_conflict_do_nothing();
    match insert.exec(&context.db).await? {
        TryInsertResult::Conflicted => Ok(()),
        other => violation(format!(
            "item {id} should have been there, but the insertion was {other:?}"
        )),
    }
}

/// `save` inserts or updates by what is set.
pub(super) async fn save(mut context: OperationContext) -> Outcome {
    let Some((id, _)) = context.pick() else {
        return insert(context).await;
    };
    let op = context.number(0);
    context.journal.send([Change::PutItem { id, op }]);
    let mut model = context.item(id, op);
    model.id = sea_orm::ActiveValue::Unchanged(id);
    model.save(&context.db).await?;
    Ok(())
}

pub(super) async fn update(mut context: OperationContext) -> Outcome {
    let Some((id, _)) = context.pick() else {
        return insert(context).await;
    };
    let op = context.number(0);
    context.journal.send([Change::PutItem { id, op }]);
    let row = context.item(id, op).update(&context.db).await?;
    check_written(&context, &row, id, op)
}

/// Returns an `update_many` with all columns that operation `op` writes.
fn change_to(op: i64) -> sea_orm::UpdateMany<item::Entity> {
    item::Entity::update_many()
        .col_expr(item::Column::Op, Expr::value(op))
        .col_expr(item::Column::Title, Expr::value(title(op)))
        .col_expr(item::Column::Mood, sea_orm::ActiveEnum::as_enum(&mood(op)))
        .col_expr(item::Column::Plan, Expr::value(plan(op)))
}

pub(super) async fn update_many(mut context: OperationContext) -> Outcome {
    let op = context.number(0);
    let ids: Vec<_> = context.row_model.items().map(|(id, _)| id).take(3).collect();
    if ids.is_empty() {
        return insert(context).await;
    }
    context
        .journal
        .send(ids.iter().map(|id| Change::PutItem { id: *id, op }));
    let update = change_to(op).filter(item::Column::Id.is_in(ids.clone()));
    let changed = update.exec(&context.db).await?.rows_affected;
    context.random.next();
    require(changed == ids.len() as u64, || {
        format!("changed {changed} of the {} items {ids:?}", ids.len())
    })
}

pub(super) async fn update_many_returning(mut context: OperationContext) -> Outcome {
    let Some((id, _)) = context.pick() else {
        return insert(context).await;
    };
    let op = context.number(0);
    context.journal.send([Change::PutItem { id, op }]);
    let rows = change_to(op)
        .filter(item::Column::Id.eq(id))
        .exec_with_returning(&context.db)
        .await?;
    match rows.as_slice() {
        [row] => check_written(&context, row, id, op),
        rows => violation(format!("changed item {id}, and got {rows:?} back")),
    }
}

/// Deletes an item. Inserts some if there are few, so that their number stays about the same.
pub(super) async fn delete(mut context: OperationContext) -> Outcome {
    if context.row_model.items().len() < 3 {
        return insert_many(context).await;
    }
    let Some((id, _)) = context.pick() else {
        return Ok(());
    };
    context.journal.send([Change::RemoveItem { id }]);
    let deleted = item::Entity::delete_by_id(id)
        .exec(&context.db)
        .await?
        .rows_affected;
    require(deleted == 1, || format!("deleted {deleted} items {id}"))
}

/// Deletes all items but one.
pub(super) async fn delete_many(context: OperationContext) -> Outcome {
    let ids: Vec<_> = context.row_model.items().map(|(id, _)| id).skip(1).collect();
    context
        .journal
        .send(ids.iter().map(|id| Change::RemoveItem { id: *id }));
    let delete = item::Entity::delete_many().filter(item::Column::Id.is_in(ids.clone()));
    let deleted = delete.exec(&context.db).await?.rows_affected;
    require(deleted == ids.len() as u64, || {
        format!("deleted {deleted} of the {} items {ids:?}", ids.len())
    })
}

pub(super) async fn insert_part(mut context: OperationContext) -> Outcome {
    let Some((item, _)) = context.pick() else {
        return insert(context).await;
    };
    if let Some((id, _)) = context.row_model.parts_of(item).nth(1) {
        context.journal.send([Change::RemovePart { id }]);
        let deleted = part::Entity::delete_by_id(id)
            .exec(&context.db)
            .await?
            .rows_affected;
        return require(deleted == 1, || format!("deleted {deleted} parts {id}"));
    }
    let (id, op) = (context.new_id(), context.number(0));
    context.journal.send([Change::PutPart { id, item, op }]);
    let row = context.part(id, item, op).insert(&context.db).await?;
    context.check_part(&row)?;
    require((row.id, row.op) == (id, op), || {
        format!("wrote part {id} of operation {op}, but got {row:?} back")
    })
}

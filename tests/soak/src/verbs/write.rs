//! Writing with entities, each in one statement.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, TryInsertResult,
    sea_query::{Expr, OnConflict},
};

use super::Job;
use crate::{
    entities::{item, mood, part, plan, title},
    sheet::Change,
    wrong::{Done, require, violation},
};

/// A row that was returned must be as it was written.
fn check_written(job: &Job, row: &item::Model, id: i64, op: i64) -> Done {
    job.check_item(row)?;
    require((row.id, row.op) == (id, op), || {
        format!("wrote item {id} of operation {op}, but got {row:?} back")
    })
}

pub(super) async fn insert(mut job: Job) -> Done {
    let (id, op) = (job.new_id(), job.number(0));
    job.journal.send([Change::PutItem { id, op }]);
    let row = job.item(id, op).insert(&job.db).await?;
    check_written(&job, &row, id, op)
}

pub(super) async fn insert_many(mut job: Job) -> Done {
    let count = 2 + i64::try_from(job.random.below(3)).unwrap_or(0);
    let rows: Vec<_> = (0..count).map(|n| (job.new_id(), job.number(n))).collect();
    job.journal
        .send(rows.iter().map(|(id, op)| Change::PutItem { id: *id, op: *op }));
    let models: Vec<_> = rows.iter().map(|(id, op)| job.item(*id, *op)).collect();
    if job.random.coin() {
        item::Entity::insert_many(models)
            .exec_without_returning(&job.db)
            .await?;
        return Ok(());
    }
    let written = item::Entity::insert_many(models)
        .exec_with_returning(&job.db)
        .await?;
    require(written.len() == rows.len(), || {
        format!("wrote {} items, got {written:?} back", rows.len())
    })?;
    written
        .iter()
        .zip(rows)
        .try_for_each(|(row, (id, op))| check_written(&job, row, id, op))
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

pub(super) async fn upsert(mut job: Job) -> Done {
    let id = match job.pick() {
        Some((id, _)) => id,
        None => job.new_id(),
    };
    let op = job.number(0);
    job.journal.send([Change::PutItem { id, op }]);
    let insert = item::Entity::insert(job.item(id, op)).on_conflict(all_but_the_id());
    let row = insert.exec_with_returning(&job.db).await?;
    check_written(&job, &row, id, op)
}

/// The row is there, so nothing must happen.
pub(super) async fn insert_or_nothing(mut job: Job) -> Done {
    let Some((id, _)) = job.pick() else {
        return insert(job).await;
    };
    let insert = item::Entity::insert(job.item(id, job.number(0))).on_conflict_do_nothing();
    match insert.exec(&job.db).await? {
        TryInsertResult::Conflicted => Ok(()),
        other => violation(format!(
            "item {id} should have been there, but the insertion was {other:?}"
        )),
    }
}

/// `save` inserts or updates by what is set.
pub(super) async fn save(mut job: Job) -> Done {
    let Some((id, _)) = job.pick() else {
        return insert(job).await;
    };
    let op = job.number(0);
    job.journal.send([Change::PutItem { id, op }]);
    let mut model = job.item(id, op);
    model.id = sea_orm::ActiveValue::Unchanged(id);
    model.save(&job.db).await?;
    Ok(())
}

pub(super) async fn update(mut job: Job) -> Done {
    let Some((id, _)) = job.pick() else {
        return insert(job).await;
    };
    let op = job.number(0);
    job.journal.send([Change::PutItem { id, op }]);
    let row = job.item(id, op).update(&job.db).await?;
    check_written(&job, &row, id, op)
}

/// All that an operation writes into an item, as an update of many.
fn change_to(op: i64) -> sea_orm::UpdateMany<item::Entity> {
    item::Entity::update_many()
        .col_expr(item::Column::Op, Expr::value(op))
        .col_expr(item::Column::Title, Expr::value(title(op)))
        .col_expr(item::Column::Mood, sea_orm::ActiveEnum::as_enum(&mood(op)))
        .col_expr(item::Column::Plan, Expr::value(plan(op)))
}

pub(super) async fn update_many(mut job: Job) -> Done {
    let op = job.number(0);
    let ids: Vec<_> = job.sheet.items().map(|(id, _)| id).take(3).collect();
    if ids.is_empty() {
        return insert(job).await;
    }
    job.journal
        .send(ids.iter().map(|id| Change::PutItem { id: *id, op }));
    let update = change_to(op).filter(item::Column::Id.is_in(ids.clone()));
    let changed = update.exec(&job.db).await?.rows_affected;
    job.random.next();
    require(changed == ids.len() as u64, || {
        format!("changed {changed} of the {} items {ids:?}", ids.len())
    })
}

pub(super) async fn update_many_returning(mut job: Job) -> Done {
    let Some((id, _)) = job.pick() else {
        return insert(job).await;
    };
    let op = job.number(0);
    job.journal.send([Change::PutItem { id, op }]);
    let rows = change_to(op)
        .filter(item::Column::Id.eq(id))
        .exec_with_returning(&job.db)
        .await?;
    match rows.as_slice() {
        [row] => check_written(&job, row, id, op),
        rows => violation(format!("changed item {id}, and got {rows:?} back")),
    }
}

/// Rows should not become ever more, so deletion is what happens where there are many.
pub(super) async fn delete(mut job: Job) -> Done {
    if job.sheet.items().len() < 3 {
        return insert_many(job).await;
    }
    let Some((id, _)) = job.pick() else {
        return Ok(());
    };
    job.journal.send([Change::RemoveItem { id }]);
    let deleted = item::Entity::delete_by_id(id).exec(&job.db).await?.rows_affected;
    require(deleted == 1, || format!("deleted {deleted} items {id}"))
}

/// All but one.
pub(super) async fn delete_many(job: Job) -> Done {
    let ids: Vec<_> = job.sheet.items().map(|(id, _)| id).skip(1).collect();
    job.journal
        .send(ids.iter().map(|id| Change::RemoveItem { id: *id }));
    let delete = item::Entity::delete_many().filter(item::Column::Id.is_in(ids.clone()));
    let deleted = delete.exec(&job.db).await?.rows_affected;
    require(deleted == ids.len() as u64, || {
        format!("deleted {deleted} of the {} items {ids:?}", ids.len())
    })
}

pub(super) async fn insert_part(mut job: Job) -> Done {
    let Some((item, _)) = job.pick() else {
        return insert(job).await;
    };
    if let Some((id, _)) = job.sheet.parts_of(item).nth(1) {
        job.journal.send([Change::RemovePart { id }]);
        let deleted = part::Entity::delete_by_id(id).exec(&job.db).await?.rows_affected;
        return require(deleted == 1, || format!("deleted {deleted} parts {id}"));
    }
    let (id, op) = (job.new_id(), job.number(0));
    job.journal.send([Change::PutPart { id, item, op }]);
    let row = job.part(id, item, op).insert(&job.db).await?;
    job.check_part(&row)?;
    require((row.id, row.op) == (id, op), || {
        format!("wrote part {id} of operation {op}, but got {row:?} back")
    })
}

//! Reading with entities.

use futures_util::TryStreamExt;
use sea_orm::{
    ColumnTrait, EntityTrait, LoaderTrait, ModelTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    Select,
};

use super::Job;
use crate::{
    entities::{Mood, Origin, PLANS, item, mood, part, plan},
    wrong::{Done, require, violation},
};

fn own(job: &Job) -> Select<item::Entity> {
    item::Entity::find().filter(item::Column::Owner.eq(job.owner))
}

/// An item that is there, or, now and then, one that never was.
pub(super) async fn by_id(mut job: Job) -> Done {
    let id = match job.pick() {
        Some((id, _)) if job.random.below(8) > 0 => id,
        _ => job.new_id(),
    };
    let row = item::Entity::find_by_id(id).one(&job.db).await?;
    if let Some(row) = &row {
        job.check_item(row)?;
    }
    Ok(job.sheet.check_item(id, row.map(|row| row.op))?)
}

pub(super) async fn all(job: Job) -> Done {
    job.check_own(&own(&job).all(&job.db).await?)
}

/// To the end, or dropped after the first row.
pub(super) async fn stream(mut job: Job) -> Done {
    let mut stream = own(&job).stream(&job.db).await?;
    if job.random.below(4) == 0 {
        return match stream.try_next().await? {
            Some(row) => job.check_item(&row),
            None => Ok(job.sheet.check_items([])?),
        };
    }
    let mut rows = Vec::new();
    while let Some(row) = stream.try_next().await? {
        rows.push(row);
    }
    job.check_own(&rows)
}

pub(super) async fn paginate(job: Job) -> Done {
    let select = own(&job).order_by_asc(item::Column::Id);
    let pages = select.paginate(&job.db, 3);
    let count = pages.num_pages().await?;
    let mut rows = Vec::new();
    // One more than there are, as unsettled rows may come.
    for page in 0..=count + 1 {
        rows.extend(pages.fetch_page(page).await?);
    }
    rows.sort_by_key(|row| row.id);
    rows.dedup_by_key(|row| row.id);
    job.check_own(&rows)
}

pub(super) async fn count(job: Job) -> Done {
    let count = own(&job).count(&job.db).await?;
    let least = job.sheet.items().len();
    let most = least + job.sheet.unsettled_items();
    require((least as u64..=most as u64).contains(&count), || {
        format!("counted {count} items, but there are {least} to {most}")
    })
}

/// Items of anybody, who may be changing them.
pub(super) async fn any(job: Job) -> Done {
    let rows = item::Entity::find().limit(12).all(&job.db).await?;
    rows.iter().try_for_each(|row| job.check_item(row))
}

pub(super) async fn also_related(mut job: Job) -> Done {
    let Some((id, op)) = job.pick() else {
        return all(job).await;
    };
    let rows = item::Entity::find_by_id(id)
        .find_also_related(part::Entity)
        .all(&job.db)
        .await?;
    require(
        rows.iter().all(|(row, _)| row.op == op) && !rows.is_empty(),
        || format!("item {id} of operation {op} is {rows:?}"),
    )?;
    rows.iter().try_for_each(|(row, _)| job.check_item(row))?;
    let parts: Vec<_> = rows.into_iter().filter_map(|(_, part)| part).collect();
    check_parts_of(&job, id, &parts)
}

fn check_parts_of(job: &Job, item: i64, parts: &[part::Model]) -> Done {
    parts.iter().try_for_each(|part| job.check_part(part))?;
    require(parts.iter().all(|part| part.item_id == item), || {
        format!("item {item} has the parts {parts:?}")
    })?;
    Ok(job
        .sheet
        .check_parts_of(item, parts.iter().map(|part| (part.id, part.op)))?)
}

pub(super) async fn with_related(job: Job) -> Done {
    let rows = own(&job).find_with_related(part::Entity).all(&job.db).await?;
    let items: Vec<_> = rows.iter().map(|(row, _)| row.clone()).collect();
    job.check_own(&items)?;
    rows.iter()
        .try_for_each(|(row, parts)| check_parts_of(&job, row.id, parts))
}

/// Two statements, between which unsettled rows may appear.
pub(super) async fn load_many(job: Job) -> Done {
    let items = own(&job).all(&job.db).await?;
    job.check_own(&items)?;
    let parts = items.load_many(part::Entity, &job.db).await?;
    items
        .iter()
        .zip(&parts)
        .try_for_each(|(row, parts)| check_parts_of(&job, row.id, parts))
}

pub(super) async fn load_one(job: Job) -> Done {
    let parts = part::Entity::find().limit(5).all(&job.db).await?;
    parts.iter().try_for_each(|part| job.check_part(part))?;
    let items = parts.load_one(item::Entity, &job.db).await?;
    items.iter().flatten().try_for_each(|row| job.check_item(row))
}

pub(super) async fn partial(job: Job) -> Done {
    let rows = own(&job).into_partial_model::<Origin>().all(&job.db).await?;
    job.check_origins(&rows)
}

pub(super) async fn by_mood(mut job: Job) -> Done {
    let wanted = if job.random.coin() { Mood::Happy } else { Mood::Sad };
    let rows = own(&job)
        .filter(item::Column::Mood.eq(wanted))
        .all(&job.db)
        .await?;
    rows.iter().try_for_each(|row| job.check_item(row))?;
    require(rows.iter().all(|row| row.mood == wanted), || {
        format!("asked for {wanted:?}, got {rows:?}")
    })?;
    let others = job.sheet.items().filter(|(_, op)| mood(*op) != wanted);
    let found = rows.iter().map(|row| (row.id, row.op)).chain(others);
    Ok(job.sheet.check_items(found)?)
}

/// A shared table is the same for all; an item's plan is a row of it.
pub(super) async fn shared(job: Job) -> Done {
    let plans = plan::Entity::find()
        .order_by_asc(plan::Column::Code)
        .all(&job.db)
        .await?;
    let codes: Vec<_> = plans.iter().map(|plan| plan.code.as_str()).collect();
    if codes != PLANS {
        return violation(format!("the shared plans are {codes:?}"));
    }
    let Some((id, _)) = job.sheet.items().next() else {
        return Ok(());
    };
    let Some(row) = item::Entity::find_by_id(id).one(&job.db).await? else {
        return violation(format!("item {id} is absent"));
    };
    job.check_item(&row)?;
    let parts = row.find_related(part::Entity).all(&job.db).await?;
    check_parts_of(&job, id, &parts)
}

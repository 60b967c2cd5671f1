//! Reading with entities.

use futures_util::TryStreamExt;
use sea_orm::{
    ColumnTrait, EntityTrait, LoaderTrait, ModelTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    Select,
};

use super::OperationContext;
use crate::{
    entities::{Mood, Origin, PLANS, item, mood, part, plan},
    outcome::{Outcome, require, violation},
};

pub(super) fn own(context: &OperationContext) -> Select<item::Entity> {
    item::Entity::find().filter(item::Column::Owner.eq(context.owner))
}

/// Reads an existing item. One time in eight: an id that was never used.
pub(super) async fn by_id(mut context: OperationContext) -> Outcome {
    let id = match context.pick() {
        Some((id, _)) if context.random.below(8) > 0 => id,
        _ => context.new_id(),
    };
    let row = item::Entity::find_by_id(id).one(&context.db).await?;
    if let Some(row) = &row {
        context.check_item(row)?;
    }
    Ok(context.row_model.check_item(id, row.map(|row| row.op))?)
}

pub(super) async fn all(context: OperationContext) -> Outcome {
    context.check_own(&own(&context).all(&context.db).await?)
}

/// Reads a stream to its end, or drops it after the first row.
pub(super) async fn stream(mut context: OperationContext) -> Outcome {
    let mut stream = own(&context).stream(&context.db).await?;
    if context.random.below(4) == 0 {
        return match stream.try_next().await? {
            Some(row) => context.check_item(&row),
            None => Ok(context.row_model.check_items([])?),
        };
    }
    let mut rows = Vec::new();
    while let Some(row) = stream.try_next().await? {
        rows.push(row);
    }
    context.check_own(&rows)
}

pub(super) async fn paginate(context: OperationContext) -> Outcome {
    let select = own(&context).order_by_asc(item::Column::Id);
    let pages = select.paginate(&context.db, 3);
    let count = pages.num_pages().await?;
    let mut rows = Vec::new();
    // One page more, as unsettled rows may appear.
    for page in 0..=count + 1 {
        rows.extend(pages.fetch_page(page).await?);
    }
    rows.sort_by_key(|row| row.id);
    rows.dedup_by_key(|row| row.id);
    context.check_own(&rows)
}

pub(super) async fn count(context: OperationContext) -> Outcome {
    let count = own(&context).count(&context.db).await?;
    let least = context.row_model.items().len();
    let most = least + context.row_model.unsettled_items();
    require((least as u64..=most as u64).contains(&count), || {
        format!("counted {count} items, but there are {least} to {most}")
    })
}

/// Reads items of any task, which may be changing them.
pub(super) async fn any(context: OperationContext) -> Outcome {
    let rows = item::Entity::find().limit(12).all(&context.db).await?;
    rows.iter().try_for_each(|row| context.check_item(row))
}

pub(super) async fn also_related(mut context: OperationContext) -> Outcome {
    let Some((id, op)) = context.pick() else {
        return all(context).await;
    };
    let rows = item::Entity::find_by_id(id)
        .find_also_related(part::Entity)
        .all(&context.db)
        .await?;
    require(
        rows.iter().all(|(row, _)| row.op == op) && !rows.is_empty(),
        || format!("item {id} of operation {op} is {rows:?}"),
    )?;
    rows.iter().try_for_each(|(row, _)| context.check_item(row))?;
    let parts: Vec<_> = rows.into_iter().filter_map(|(_, part)| part).collect();
    check_parts_of(&context, id, &parts)
}

fn check_parts_of(context: &OperationContext, item: i64, parts: &[part::Model]) -> Outcome {
    parts.iter().try_for_each(|part| context.check_part(part))?;
    require(parts.iter().all(|part| part.item_id == item), || {
        format!("item {item} has the parts {parts:?}")
    })?;
    Ok(context
        .row_model
        .check_parts_of(item, parts.iter().map(|part| (part.id, part.op)))?)
}

pub(super) async fn with_related(context: OperationContext) -> Outcome {
    let rows = own(&context)
        .find_with_related(part::Entity)
        .all(&context.db)
        .await?;
    let items: Vec<_> = rows.iter().map(|(row, _)| row.clone()).collect();
    context.check_own(&items)?;
    rows.iter()
        .try_for_each(|(row, parts)| check_parts_of(&context, row.id, parts))
}

/// Reads in two statements. Unsettled rows may appear in between.
pub(super) async fn load_many(context: OperationContext) -> Outcome {
    let items = own(&context).all(&context.db).await?;
    context.check_own(&items)?;
    let parts = items.load_many(part::Entity, &context.db).await?;
    items
        .iter()
        .zip(&parts)
        .try_for_each(|(row, parts)| check_parts_of(&context, row.id, parts))
}

pub(super) async fn load_one(context: OperationContext) -> Outcome {
    let parts = part::Entity::find().limit(5).all(&context.db).await?;
    parts.iter().try_for_each(|part| context.check_part(part))?;
    let items = parts.load_one(item::Entity, &context.db).await?;
    items.iter().flatten().try_for_each(|row| context.check_item(row))
}

pub(super) async fn partial(context: OperationContext) -> Outcome {
    let rows = own(&context)
        .into_partial_model::<Origin>()
        .all(&context.db)
        .await?;
    context.check_origins(&rows)
}

pub(super) async fn by_mood(mut context: OperationContext) -> Outcome {
    let wanted = if context.random.coin() {
        Mood::Happy
    } else {
        Mood::Sad
    };
    let rows = own(&context)
        .filter(item::Column::Mood.eq(wanted))
        .all(&context.db)
        .await?;
    rows.iter().try_for_each(|row| context.check_item(row))?;
    require(rows.iter().all(|row| row.mood == wanted), || {
        format!("asked for {wanted:?}, got {rows:?}")
    })?;
    let others = context.row_model.items().filter(|(_, op)| mood(*op) != wanted);
    let found = rows.iter().map(|row| (row.id, row.op)).chain(others);
    Ok(context.row_model.check_items(found)?)
}

/// Reads the shared table, whose rows are the same for all tenants, and the parts of an item.
pub(super) async fn shared(context: OperationContext) -> Outcome {
    let plans = plan::Entity::find()
        .order_by_asc(plan::Column::Code)
        .all(&context.db)
        .await?;
    let codes: Vec<_> = plans.iter().map(|plan| plan.code.as_str()).collect();
    if codes != PLANS {
        return violation(format!("the shared plans are {codes:?}"));
    }
    let Some((id, _)) = context.row_model.items().next() else {
        return Ok(());
    };
    let Some(row) = item::Entity::find_by_id(id).one(&context.db).await? else {
        return violation(format!("item {id} is absent"));
    };
    context.check_item(&row)?;
    let parts = row.find_related(part::Entity).all(&context.db).await?;
    check_parts_of(&context, id, &parts)
}

//! `begin_unguarded`: transactions with a search path, whose statements are not checked.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use tenant_core::{SHARED_SCHEMA, TenantTransaction};

use super::OperationContext;
use crate::{
    entities::{label, plan, title},
    model::Change,
    outcome::{Kind, Outcome, require, violation},
    tenants::PoolKind,
};

/// Runs a DO block with unqualified names, and checks that the search path ends with the transaction.
pub(super) async fn work(mut context: OperationContext) -> Outcome {
    let (id, op, is_committed) = (context.new_id(), context.number(0), context.random.coin());
    let transaction = context.db.begin_unguarded().await?;
    let question = "SELECT watermark, current_setting('search_path') AS path,
        coalesce(current_setting('soak.mark', true), '') AS mark FROM seal";
    let rows = transaction
        .query_all_raw(Statement::from_string(DbBackend::Postgres, question))
        .await?;
    let [row] = rows.as_slice() else {
        return violation(format!("{} seals", rows.len()));
    };
    if context.tenant.deletion_has_begun() && row.try_get::<String>("", "watermark")? == SHARED_SCHEMA {
        // The tenant's schema is gone, and the next one in the path is `public`.
        return Ok(());
    }
    context.check_watermark("the seal", &row.try_get::<String>("", "watermark")?)?;
    let path: String = row.try_get("", "path")?;
    let expected = [context.watermark(), &format!("{:?}", context.watermark())]
        .map(|schema| [format!("{schema}, public"), format!("{schema}, \"public\"")]);
    require(expected.as_flattened().contains(&path), || {
        format!("its search_path is {path}")
    })?;

    let mark: String = row.try_get("", "mark")?;
    require(mark.is_empty(), || format!("the session has the mark of {mark}"))?;
    let leave_mark = format!("SET soak.mark = '{}'", context.watermark());
    transaction.execute_unprepared(&leave_mark).await?;

    if context.pool == PoolKind::Roles && context.random.below(3) == 0 {
        return reach_out(&mut context, &transaction).await;
    }
    let (owner, watermark, title) = (context.owner, context.watermark(), title(op));
    let (mood, plan) = (label(op), plan(op));
    let block = format!(
        "DO $$ BEGIN
             INSERT INTO item VALUES ({id}, {owner}, {op}, '{title}', '{mood}', '{plan}', '{watermark}');
         END $$"
    );
    transaction.execute_unprepared(&block).await?;
    if is_committed {
        context.journal.send([Change::PutItem { id, op }]);
        transaction.commit().await?;
    } else if context.random.coin() {
        transaction.rollback().await?;
    }
    Ok(())
}

/// Checks that the tenant's role confines unchecked statements to the tenant.
async fn reach_out(context: &mut OperationContext, transaction: &TenantTransaction) -> Outcome {
    let slot = usize::try_from(context.random.below(context.tenant_set.slots() as u64)).unwrap_or(0);
    let other = context.tenant_set.tenant(slot);
    if other.number == context.tenant.number {
        return Ok(());
    }
    let other = other.watermark();
    let texts = [
        format!("SELECT * FROM {other}.item"),
        format!("UPDATE {other}.item SET op = op"),
        format!("DELETE FROM {other}.part"),
        "DELETE FROM public.item".to_owned(),
        "UPDATE public.tenants SET name = name".to_owned(),
    ];
    let sql = context.random.pick(&texts).clone();
    match transaction.execute_unprepared(&sql).await {
        Err(error) => match Kind::of(&error) {
            // Denied, or the other tenant was deleted meanwhile.
            Kind::Database(code) if ["42501", "3F000", "42P01"].contains(&code.as_str()) => Ok(()),
            _ => Err(error.into()),
        },
        Ok(_) => violation(format!("the tenant's role may do this: {sql}")),
    }
}

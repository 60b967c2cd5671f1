//! `begin_unguarded`: a search path, and nothing checked.

use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionSession};

use tenant_core::{SHARED_SCHEMA, TenantTransaction};

use super::Job;
use crate::{
    entities::{label, plan, title},
    fleet::Lane,
    sheet::Change,
    wrong::{Done, Kind, require, violation},
};

/// A DO block, names without a schema, and a search path that ends with the transaction.
pub(super) async fn work(mut job: Job) -> Done {
    let (id, op, is_committed) = (job.new_id(), job.number(0), job.random.coin());
    let transaction = job.db.begin_unguarded().await?;
    let question = "SELECT watermark, current_setting('search_path') AS path,
        coalesce(current_setting('soak.mark', true), '') AS mark FROM seal";
    let rows = transaction
        .query_all_raw(Statement::from_string(DbBackend::Postgres, question))
        .await?;
    let [row] = rows.as_slice() else {
        return violation(format!("{} seals", rows.len()));
    };
    if job.resident.is_leaving() && row.try_get::<String>("", "watermark")? == SHARED_SCHEMA {
        // The tenant's schema is gone, and the next one in the path is `public`.
        return Ok(());
    }
    job.check_watermark("the seal", &row.try_get::<String>("", "watermark")?)?;
    let path: String = row.try_get("", "path")?;
    let expected = [job.watermark(), &format!("{:?}", job.watermark())]
        .map(|schema| [format!("{schema}, public"), format!("{schema}, \"public\"")]);
    require(expected.as_flattened().contains(&path), || {
        format!("its search_path is {path}")
    })?;

    let mark: String = row.try_get("", "mark")?;
    require(mark.is_empty(), || format!("the session has the mark of {mark}"))?;
    let leave_mark = format!("SET soak.mark = '{}'", job.watermark());
    transaction.execute_unprepared(&leave_mark).await?;

    if job.lane == Lane::Roles && job.random.below(3) == 0 {
        return reach_out(&mut job, &transaction).await;
    }
    let (owner, watermark, title) = (job.owner, job.watermark(), title(op));
    let (mood, plan) = (label(op), plan(op));
    let block = format!(
        "DO $$ BEGIN
             INSERT INTO item VALUES ({id}, {owner}, {op}, '{title}', '{mood}', '{plan}', '{watermark}');
         END $$"
    );
    transaction.execute_unprepared(&block).await?;
    if is_committed {
        job.journal.send([Change::PutItem { id, op }]);
        transaction.commit().await?;
    } else if job.random.coin() {
        transaction.rollback().await?;
    }
    Ok(())
}

/// As a role, not even what is not checked leaves the tenant.
async fn reach_out(job: &mut Job, transaction: &TenantTransaction) -> Done {
    let seat = usize::try_from(job.random.below(job.fleet.seats() as u64)).unwrap_or(0);
    let other = job.fleet.resident(seat);
    if other.number == job.resident.number {
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
    let sql = job.random.pick(&texts).clone();
    match transaction.execute_unprepared(&sql).await {
        Err(error) => match Kind::of(&error) {
            // Denied, or the other one was deleted meanwhile.
            Kind::Database(code) if ["42501", "3F000", "42P01"].contains(&code.as_str()) => Ok(()),
            _ => Err(error.into()),
        },
        Ok(_) => violation(format!("the tenant's role may do this: {sql}")),
    }
}

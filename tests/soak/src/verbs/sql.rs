//! Raw SQL, with table names as people write them.

use futures_util::TryStreamExt;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement, StreamTrait, Value};

use super::Job;
use crate::{
    entities::{Origin, label, plan, title},
    fleet::Lane,
    sheet::Change,
    wrong::{Done, require, violation},
};

fn statement<const N: usize>(sql: &str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

#[derive(Debug, FromQueryResult)]
struct Joined {
    id: i64,
    op: i64,
    watermark: String,
    plan: String,
    seal: String,
    parts: i64,
    part: Option<String>,
}

/// Two tenant tables, a view of none, and a shared table.
pub(super) async fn join(job: Job) -> Done {
    let sql = "SELECT item.id, item.op, item.watermark, p.code AS plan, s.watermark AS seal, \
                      count(part.id) AS parts, min(part.watermark) AS part
               FROM item JOIN plan AS p ON p.code = item.plan CROSS JOIN seal s
               LEFT JOIN part ON part.item_id = item.id
               WHERE item.owner = $1 GROUP BY item.id, p.code, s.watermark";
    let rows = Joined::find_by_statement(statement(sql, [job.owner.into()]))
        .all(&job.db)
        .await?;
    for row in &rows {
        job.check_watermark("the seal", &row.seal)?;
        if let Some(part) = &row.part {
            job.check_watermark("a part", part)?;
        }
        require(row.plan == plan(row.op), || {
            format!("{row:?} has the plan of another operation")
        })?;
        require(row.parts >= 0, || format!("{row:?}"))?;
    }
    let origins: Vec<_> = rows
        .into_iter()
        .map(|row| Origin {
            id: row.id,
            op: row.op,
            watermark: row.watermark,
        })
        .collect();
    job.check_origins(&origins)
}

pub(super) async fn expression(job: Job) -> Done {
    let sql = "WITH mine AS (SELECT id, op, watermark FROM item WHERE owner = $1),
                    again AS (SELECT * FROM mine)
               SELECT again.id, again.op, item.watermark FROM again JOIN item USING (id)";
    let rows = Origin::find_by_statement(statement(sql, [job.owner.into()]))
        .all(&job.db)
        .await?;
    job.check_origins(&rows)
}

/// A common table expression hides a table in its own query only.
pub(super) async fn shadow(job: Job) -> Done {
    let sql = "SELECT x.watermark AS shadow, item.id, item.op, item.watermark
               FROM (WITH item AS (SELECT 'shadow' AS watermark) SELECT watermark FROM item) x, item
               WHERE item.owner = $1";
    let rows = job.db.query_all_raw(statement(sql, [job.owner.into()])).await?;
    let mut origins = Vec::new();
    for row in rows {
        let shadow: String = row.try_get("", "shadow")?;
        require(shadow == "shadow", || {
            format!("a common table expression was {shadow:?}")
        })?;
        origins.push(Origin::from_query_result(&row, "")?);
    }
    job.check_origins(&origins)
}

pub(super) async fn stream(job: Job) -> Done {
    let sql = "SELECT id, op, watermark FROM item WHERE owner = $1";
    let mut rows = job.db.stream_raw(statement(sql, [job.owner.into()])).await?;
    let mut origins = Vec::new();
    while let Some(row) = rows.try_next().await? {
        origins.push(Origin::from_query_result(&row, "")?);
    }
    drop(rows);
    job.check_origins(&origins)
}

/// Whose schema this is, and whether the session is as it was made.
pub(super) async fn session(job: Job) -> Done {
    let sql = "SELECT watermark, current_setting('search_path') AS search_path, \
                      current_user = session_user AS is_login, \
                      current_user = 'tenant.' || current_database() || '.' || watermark AS is_role FROM seal";
    let rows = job.db.query_all_raw(statement(sql, [])).await?;
    let [row] = rows.as_slice() else {
        return violation(format!("{} seals", rows.len()));
    };
    job.check_watermark("the seal", &row.try_get::<String>("", "watermark")?)?;
    let (is_login, is_role): (bool, bool) = (row.try_get("", "is_login")?, row.try_get("", "is_role")?);
    require(
        if job.lane == Lane::Roles {
            is_role
        } else {
            is_login
        },
        || "the session runs as another role".to_owned(),
    )?;
    let search_path: String = row.try_get("", "search_path")?;
    require(search_path == crate::fleet::SEARCH_PATH, || {
        format!("the session has the search_path {search_path}")
    })
}

pub(super) async fn update(mut job: Job) -> Done {
    let Some((id, _)) = job.pick() else {
        return expression(job).await;
    };
    let op = job.number(0);
    let sql = "UPDATE item SET op = $1, title = $2, mood = $3::text::mood, plan = $4
               WHERE id = $5 RETURNING id, op, watermark";
    let values = [
        op.into(),
        title(op).into(),
        label(op).into(),
        plan(op).into(),
        id.into(),
    ];
    job.journal.send([Change::PutItem { id, op }]);
    let rows = Origin::find_by_statement(statement(sql, values))
        .all(&job.db)
        .await?;
    match rows.as_slice() {
        [row] => job.check_watermark(&format!("item {id}"), &row.watermark),
        rows => violation(format!("changed item {id}, and got {rows:?} back")),
    }
}

pub(super) async fn insert_from_select(mut job: Job) -> Done {
    let Some((item, _)) = job.pick() else {
        return expression(job).await;
    };
    if job.sheet.parts_of(item).count() > 2 {
        return join(job).await;
    }
    let (id, op) = (job.new_id(), job.number(0));
    let sql = "INSERT INTO part (id, item_id, op, watermark)
               SELECT $1, item.id, $2, seal.watermark FROM item, seal WHERE item.id = $3";
    job.journal.send([Change::PutPart { id, item, op }]);
    let values = [id.into(), op.into(), item.into()];
    let written = job.db.execute_raw(statement(sql, values)).await?.rows_affected();
    require(written == 1, || {
        format!("inserted {written} parts for item {item}")
    })
}

pub(super) async fn delete_in_expression(mut job: Job) -> Done {
    let item = job.pick();
    let Some((id, _)) = item.and_then(|(item, _)| job.sheet.parts_of(item).next()) else {
        return insert_from_select(job).await;
    };
    let sql = "WITH part AS (DELETE FROM part WHERE id = $1 RETURNING watermark) SELECT watermark FROM part";
    job.journal.send([Change::RemovePart { id }]);
    let rows = job.db.query_all_raw(statement(sql, [id.into()])).await?;
    match rows.as_slice() {
        [row] => job.check_watermark(&format!("part {id}"), &row.try_get::<String>("", "watermark")?),
        rows => violation(format!("deleted {} parts {id}", rows.len())),
    }
}

//! Raw SQL, with unqualified table names.

use futures_util::TryStreamExt;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement, StreamTrait, Value};

use super::OperationContext;
use crate::{
    entities::{Origin, label, plan, title},
    model::Change,
    outcome::{Outcome, require, violation},
    tenants::PoolKind,
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

/// Joins three tenant tables and a shared table.
pub(super) async fn join(context: OperationContext) -> Outcome {
    let sql = "SELECT item.id, item.op, item.watermark, p.code AS plan, s.watermark AS seal, \
                      count(part.id) AS parts, min(part.watermark) AS part
               FROM item JOIN plan AS p ON p.code = item.plan CROSS JOIN seal s
               LEFT JOIN part ON part.item_id = item.id
               WHERE item.owner = $1 GROUP BY item.id, p.code, s.watermark";
    let rows = Joined::find_by_statement(statement(sql, [context.owner.into()]))
        .all(&context.db)
        .await?;
    for row in &rows {
        context.check_watermark("the seal", &row.seal)?;
        if let Some(part) = &row.part {
            context.check_watermark("a part", part)?;
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
    context.check_origins(&origins)
}

pub(super) async fn expression(context: OperationContext) -> Outcome {
    let sql = "WITH mine AS (SELECT id, op, watermark FROM item WHERE owner = $1),
                    again AS (SELECT * FROM mine)
               SELECT again.id, again.op, item.watermark FROM again JOIN item USING (id)";
    let rows = Origin::find_by_statement(statement(sql, [context.owner.into()]))
        .all(&context.db)
        .await?;
    context.check_origins(&rows)
}

/// Checks that a common table expression hides a table in its own query only.
pub(super) async fn shadow(context: OperationContext) -> Outcome {
    let sql = "SELECT x.watermark AS shadow, item.id, item.op, item.watermark
               FROM (WITH item AS (SELECT 'shadow' AS watermark) SELECT watermark FROM item) x, item
               WHERE item.owner = $1";
    let rows = context
        .db
        .query_all_raw(statement(sql, [context.owner.into()]))
        .await?;
    let mut origins = Vec::new();
    for row in rows {
        let shadow: String = row.try_get("", "shadow")?;
        require(shadow == "shadow", || {
            format!("a common table expression was {shadow:?}")
        })?;
        origins.push(Origin::from_query_result(&row, "")?);
    }
    context.check_origins(&origins)
}

pub(super) async fn stream(context: OperationContext) -> Outcome {
    let sql = "SELECT id, op, watermark FROM item WHERE owner = $1";
    let mut rows = context
        .db
        .stream_raw(statement(sql, [context.owner.into()]))
        .await?;
    let mut origins = Vec::new();
    while let Some(row) = rows.try_next().await? {
        origins.push(Origin::from_query_result(&row, "")?);
    }
    drop(rows);
    context.check_origins(&origins)
}

/// Checks the tenant, the role and the search path of a session.
pub(super) async fn session(context: OperationContext) -> Outcome {
    let sql = "SELECT watermark, current_setting('search_path') AS search_path, \
                      current_user = session_user AS is_login, \
                      current_user = 'tenant.' || current_database() || '.' || watermark AS is_role FROM seal";
    let rows = context.db.query_all_raw(statement(sql, [])).await?;
    let [row] = rows.as_slice() else {
        return violation(format!("{} seals", rows.len()));
    };
    context.check_watermark("the seal", &row.try_get::<String>("", "watermark")?)?;
    let (is_login, is_role): (bool, bool) = (row.try_get("", "is_login")?, row.try_get("", "is_role")?);
    require(
        if context.pool == PoolKind::Roles {
            is_role
        } else {
            is_login
        },
        || "the session runs as another role".to_owned(),
    )?;
    let search_path: String = row.try_get("", "search_path")?;
    require(search_path == crate::tenants::SEARCH_PATH, || {
        format!("the session has the search_path {search_path}")
    })
}

pub(super) async fn update(mut context: OperationContext) -> Outcome {
    let Some((id, _)) = context.pick() else {
        return expression(context).await;
    };
    let op = context.number(0);
    let sql = "UPDATE item SET op = $1, title = $2, mood = $3::text::mood, plan = $4
               WHERE id = $5 RETURNING id, op, watermark";
    let values = [
        op.into(),
        title(op).into(),
        label(op).into(),
        plan(op).into(),
        id.into(),
    ];
    context.journal.send([Change::PutItem { id, op }]);
    let rows = Origin::find_by_statement(statement(sql, values))
        .all(&context.db)
        .await?;
    match rows.as_slice() {
        [row] => context.check_watermark(&format!("item {id}"), &row.watermark),
        rows => violation(format!("changed item {id}, and got {rows:?} back")),
    }
}

pub(super) async fn insert_from_select(mut context: OperationContext) -> Outcome {
    let Some((item, _)) = context.pick() else {
        return expression(context).await;
    };
    if context.row_model.parts_of(item).count() > 2 {
        return join(context).await;
    }
    let (id, op) = (context.new_id(), context.number(0));
    let sql = "INSERT INTO part (id, item_id, op, watermark)
               SELECT $1, item.id, $2, seal.watermark FROM item, seal WHERE item.id = $3";
    context.journal.send([Change::PutPart { id, item, op }]);
    let values = [id.into(), op.into(), item.into()];
    let written = context
        .db
        .execute_raw(statement(sql, values))
        .await?
        .rows_affected();
    require(written == 1, || {
        format!("inserted {written} parts for item {item}")
    })
}

pub(super) async fn delete_in_expression(mut context: OperationContext) -> Outcome {
    let item = context.pick();
    let Some((id, _)) = item.and_then(|(item, _)| context.row_model.parts_of(item).next()) else {
        return insert_from_select(context).await;
    };
    let sql = "WITH part AS (DELETE FROM part WHERE id = $1 RETURNING watermark) SELECT watermark FROM part";
    context.journal.send([Change::RemovePart { id }]);
    let rows = context.db.query_all_raw(statement(sql, [id.into()])).await?;
    match rows.as_slice() {
        [row] => context.check_watermark(&format!("part {id}"), &row.try_get::<String>("", "watermark")?),
        rows => violation(format!("deleted {} parts {id}", rows.len())),
    }
}

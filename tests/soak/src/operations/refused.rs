//! Statements that must be refused.

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, EntityTrait, PaginatorTrait, Statement, StreamTrait, TransactionTrait,
};

use super::OperationContext;
use crate::{
    entities::item,
    outcome::{Kind, Outcome, violation},
};

/// Picks a statement that a tenant's connection must refuse.
fn forbidden(context: &mut OperationContext) -> String {
    let slot = usize::try_from(context.random.below(context.tenant_set.slots() as u64)).unwrap_or(0);
    let other = context.tenant_set.tenant(slot);
    // Its own schema by name is refused as well.
    let other = other.watermark();
    let id = context.owner;
    let texts = [
        format!("SELECT * FROM {other}.item"),
        format!("SELECT * FROM \"{other}\".\"item\" WHERE id = {id}"),
        format!("SELECT item.id FROM item, (SELECT * FROM {other}.part) x"),
        format!("INSERT INTO {other}.item SELECT * FROM item"),
        format!("UPDATE {other}.item SET op = 0"),
        format!("UPDATE item SET op = (SELECT max(op) FROM {other}.item) WHERE owner = {id}"),
        format!("DELETE FROM {other}.part WHERE EXISTS (SELECT 1 FROM item)"),
        format!("WITH x AS (SELECT * FROM {other}.seal) SELECT * FROM x"),
        format!("SELECT $1::{other}.mood"),
        format!("DROP TABLE {other}.part"),
        format!("SET search_path = {other}"),
        format!("SET LOCAL search_path = {other}"),
        format!("SELECT set_config('search_path', '{other}', false)"),
        format!("SELECT * FROM seal; SET ROLE {other}"),
        "RESET ALL".to_owned(),
        "SELECT * FROM leftover".to_owned(),
        "INSERT INTO leftover VALUES (2)".to_owned(),
        "DELETE FROM leftover".to_owned(),
        "SELECT * FROM pg_catalog.pg_class".to_owned(),
        "SELECT * FROM pg_class".to_owned(),
        "TRUNCATE item".to_owned(),
        "COMMIT".to_owned(),
        "ROLLBACK".to_owned(),
        "LOCK TABLE item".to_owned(),
        "SELECT query_to_xml('SELECT 1', true, true, '')".to_owned(),
        "CREATE TABLE item2 (id int)".to_owned(),
        "LISTEN x".to_owned(),
    ];
    context.random.pick(&texts).clone()
}

/// Sends a statement with one of the five methods.
async fn send<C>(db: &C, way: u64, sql: &str) -> Result<(), DbErr>
where
    C: ConnectionTrait + StreamTrait,
{
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    match way {
        0 => db.execute_unprepared(sql).await.map(|_| ()),
        1 => db.execute_raw(statement).await.map(|_| ()),
        2 => db.query_one_raw(statement).await.map(|_| ()),
        3 => db.query_all_raw(statement).await.map(|_| ()),
        _ => db.stream_raw(statement).await.map(|_| ()),
    }
}

fn check(sql: &str, sent: Result<(), DbErr>) -> Outcome {
    match sent {
        Err(error) if Kind::of(&error) == Kind::Refused => Ok(()),
        Err(error) => violation(format!("{sql} reached the database, which said: {error}")),
        Ok(()) => violation(format!("{sql} was not refused")),
    }
}

pub(super) async fn statement(mut context: OperationContext) -> Outcome {
    let sql = forbidden(&mut context);
    let way = context.random.below(5);
    check(&sql, send(&context.db, way, &sql).await)
}

/// Checks that a transaction goes on after a refusal, as nothing was sent.
pub(super) async fn in_transaction(mut context: OperationContext) -> Outcome {
    let sql = forbidden(&mut context);
    let way = context.random.below(5);
    let transaction = context.db.begin().await?;
    check(&sql, send(&transaction, way, &sql).await)?;
    item::Entity::find_by_id(0).one(&transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// Checks that a tenant's entity cannot be read on the shared connection.
pub(super) async fn plain(context: OperationContext) -> Outcome {
    let db = context
        .tenant_set
        .handle(context.pool)
        .tenants
        .shared_connection();
    match item::Entity::find().count(db).await {
        Err(error) if Kind::of(&error).is_missing_schema() => Ok(()),
        Err(error) => Err(error.into()),
        Ok(count) => violation(format!("read {count} items of no tenant")),
    }
}

/// Checks that a connection of a deleted tenant finds nothing, whichever tenant took its slot.
pub(super) async fn deleted(context: OperationContext) -> Outcome {
    let Some(last_deleted) = context.tenant_set.last_deleted() else {
        return Ok(());
    };
    let db = context.tenant_set.connection(context.pool, &last_deleted);
    match item::Entity::find().count(&db).await {
        Err(error) if Kind::of(&error).is_missing_schema() => Ok(()),
        Err(error) => Err(error.into()),
        Ok(count) => violation(format!(
            "read {count} items of the deleted tenant {}",
            last_deleted.watermark()
        )),
    }
}

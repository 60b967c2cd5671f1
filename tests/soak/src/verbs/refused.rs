//! What must not run.

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, EntityTrait, PaginatorTrait, Statement, StreamTrait, TransactionTrait,
};

use super::Job;
use crate::{
    entities::item,
    wrong::{Done, Kind, violation},
};

/// A statement that a tenant's connection must refuse.
fn forbidden(job: &mut Job) -> String {
    let seat = usize::try_from(job.random.below(job.fleet.seats() as u64)).unwrap_or(0);
    let other = job.fleet.resident(seat);
    // Its own schema by name is refused as well.
    let other = other.watermark();
    let id = job.owner;
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
    job.random.pick(&texts).clone()
}

/// Sends it in one of the five ways.
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

fn check(sql: &str, sent: Result<(), DbErr>) -> Done {
    match sent {
        Err(error) if Kind::of(&error) == Kind::Refused => Ok(()),
        Err(error) => violation(format!("{sql} reached the database, which said: {error}")),
        Ok(()) => violation(format!("{sql} was not refused")),
    }
}

pub(super) async fn statement(mut job: Job) -> Done {
    let sql = forbidden(&mut job);
    let way = job.random.below(5);
    check(&sql, send(&job.db, way, &sql).await)
}

/// The transaction goes on after a refusal, as nothing was sent.
pub(super) async fn in_transaction(mut job: Job) -> Done {
    let sql = forbidden(&mut job);
    let way = job.random.below(5);
    let transaction = job.db.begin().await?;
    check(&sql, send(&transaction, way, &sql).await)?;
    item::Entity::find_by_id(0).one(&transaction).await?;
    sea_orm::TransactionSession::commit(transaction).await?;
    Ok(())
}

/// A tenant's entity on a connection of no tenant.
pub(super) async fn plain(job: Job) -> Done {
    let db = job.fleet.handle(job.lane).tenants.shared_connection();
    match item::Entity::find().count(db).await {
        Err(error) if Kind::of(&error).is_of_a_missing_schema() => Ok(()),
        Err(error) => Err(error.into()),
        Ok(count) => violation(format!("read {count} items of no tenant")),
    }
}

/// A handle on a tenant that was deleted finds nothing, whoever came after it.
pub(super) async fn deleted(job: Job) -> Done {
    let Some(departed) = job.fleet.departed() else {
        return Ok(());
    };
    let db = job.fleet.connection(job.lane, &departed);
    match item::Entity::find().count(&db).await {
        Err(error) if Kind::of(&error).is_of_a_missing_schema() => Ok(()),
        Err(error) => Err(error.into()),
        Ok(count) => violation(format!(
            "read {count} items of the deleted tenant {}",
            departed.watermark()
        )),
    }
}

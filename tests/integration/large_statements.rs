//! Very large statements, on a thread with the default stack of 2 MiB.

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, PaginatorTrait, QueryFilter, Statement,
};

use crate::entities::{Mood, TwoTenants, note};

/// Maximum number of parameters in PostgreSQL's protocol.
const MAX_PARAMETERS: i32 = 65_535;

#[tokio::test]
async fn the_most_parameters_of_an_in() {
    let db = TwoTenants::create().await;
    let notes = note::Entity::find().filter(note::Column::Id.is_in(1..=MAX_PARAMETERS));
    assert_eq!(notes.all(&db.acme).await.unwrap().len(), 2);
}

#[tokio::test]
async fn many_rows_with_an_enum_each() {
    let db = TwoTenants::create().await;
    let row = |n| note::ActiveModel {
        id: NotSet,
        title: Set(format!("acme {n}")),
        mood: Set(Some(Mood::Sad)),
        plan: Set("free".to_owned()),
    };
    note::Entity::insert_many((0..10_000).map(row))
        .exec(&db.acme)
        .await
        .unwrap();
    assert_eq!(note::Entity::find().count(&db.acme).await.unwrap(), 10_002);
    assert_eq!(note::Entity::find().count(&db.globex).await.unwrap(), 2);
}

/// 60,000 terms compile. The test writes SQL, since sea-query's rendering of a `Condition` overflows the stack at 20,000
/// terms.
#[tokio::test]
async fn many_terms_of_an_or() {
    let db = TwoTenants::create().await;
    let terms = (1..=60_000).map(|id| format!("id = {id}")).collect::<Vec<_>>();
    let sql = format!("SELECT * FROM note WHERE {}", terms.join(" OR "));
    let statement = Statement::from_string(DatabaseBackend::Postgres, sql);
    assert_eq!(db.acme.query_all_raw(statement).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_literal_of_a_mebibyte() {
    let db = TwoTenants::create().await;
    let sql = format!("UPDATE note SET title = '{}'", "x".repeat(1024 * 1024));
    assert_eq!(db.acme.execute_unprepared(&sql).await.unwrap().rows_affected(), 2);
}

//! Parts of Loco that want a `DatabaseConnection`: on `ctx.db`, an entity of tenants fails, and no row is read or changed.

use async_trait::async_trait;
use example_entity::{note, plan};
use loco_rs::{
    db,
    model::{Authenticable, ModelError, ModelResult, query},
};
use sea_orm::{DatabaseConnection, EntityTrait, PaginatorTrait};

use crate::program::Program;

/// SeaORM's plain connection knows no tenant, and no schema can have this name.
fn assert_no_tenant(answer: &str) {
    assert!(
        answer.contains(r#"relation "$tenant.note" does not exist"#),
        "{answer}"
    );
}

#[tokio::test]
async fn an_entity_of_tenants_fails_on_the_connection_of_loco() {
    let program = Program::with_tenants().await;
    program
        .database
        .execute("INSERT INTO acme.note (title) VALUES ('Anvils')")
        .await;
    let db = program.connect().await;

    let answer = note::Entity::find().all(&db).await.unwrap_err();
    assert_no_tenant(&answer.to_string());
    let answer = db::truncate_table(&db, note::Entity).await.unwrap_err();
    assert_no_tenant(&answer.to_string());
    let page = query::PaginationQuery::page(1);
    let Err(answer) = query::paginate(&db, note::Entity::find(), None, &page).await else {
        panic!("notes of no tenant");
    };
    assert_no_tenant(&answer.to_string());
    let answer = Member::find_by_api_key(&db, "1").await.unwrap_err();
    assert_no_tenant(&answer.to_string());
    let answer = db::dump::<seeded::ActiveModel>(&db, "/dev/null")
        .await
        .unwrap_err();
    assert_no_tenant(&answer.to_string());
    let answer = db::seed::<seeded::ActiveModel>(&db, "tests/notes.yaml")
        .await
        .unwrap_err();
    assert_no_tenant(&answer.to_string());
}

#[tokio::test]
async fn a_shared_entity_works_on_the_connection_of_loco() {
    let program = Program::with_tenants().await;
    let db = program.connect().await;
    assert_eq!(plan::Entity::find().count(&db).await.unwrap(), 3);
    let page = query::PaginationQuery::page(1);
    let found = query::paginate(&db, plan::Entity::find(), None, &page)
        .await
        .unwrap();
    assert_eq!(found.page.len(), 3);
}

/// A user in the schema of a tenant.
#[derive(Clone, Debug)]
struct Member;

#[async_trait]
impl Authenticable for Member {
    async fn find_by_api_key(db: &DatabaseConnection, _: &str) -> ModelResult<Self> {
        let found = note::Entity::find().one(db).await?;
        found.map(|_| Self).ok_or(ModelError::EntityNotFound)
    }

    async fn find_by_claims_key(db: &DatabaseConnection, key: &str) -> ModelResult<Self> {
        Self::find_by_api_key(db, key).await
    }
}

/// The notes, as Loco's seeds want them: with serde.
mod seeded {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[tenant_core::tenant]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "note")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

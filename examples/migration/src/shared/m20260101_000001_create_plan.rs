use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

const PLAN: (&str, &str) = ("public", "plan");

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(PLAN)
            .col(string("code").primary_key())
            .col(string("name"))
            .col(integer("price_cents"))
            .col(integer("max_notes"))
            .to_owned();
        manager.create_table(table).await?;

        let rows = Query::insert()
            .into_table(PLAN)
            .columns(["code", "name", "price_cents", "max_notes"])
            .values_panic(["free".into(), "Free".into(), 0.into(), 10.into()])
            .values_panic(["team".into(), "Team".into(), 900.into(), 1_000.into()])
            .values_panic(["business".into(), "Business".into(), 2_900.into(), 100_000.into()])
            .to_owned();
        manager.execute(rows).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(PLAN).to_owned()).await
    }
}

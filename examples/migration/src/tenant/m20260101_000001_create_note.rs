use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("note")
            .col(pk_auto("id"))
            .col(string("title"))
            .col(text("body").default(""))
            .col(string("plan").default("free"))
            .col(timestamp_with_time_zone("created_at").default(Expr::current_timestamp()))
            .foreign_key(
                ForeignKey::create()
                    .from("note", "plan")
                    .to(("public", "plan"), "code"),
            )
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("note").to_owned()).await
    }
}

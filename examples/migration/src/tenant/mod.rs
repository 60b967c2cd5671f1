//! Migrations of every tenant's schema. They name its tables without a schema, `"note"`, and qualify the shared tables,
//! `("public", "plan")`.

mod m20260101_000001_create_note;

use sea_orm_migration::prelude::*;

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20260101_000001_create_note::Migration)]
    }
}

//! Migrations of every tenant's schema. Name its tables without a schema: `"note"`.

use sea_orm_migration::prelude::*;

mod m20260101_000001_create_note;

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        // `generate NAME -d migration/src/tenant` adds to this list.
        vec![
            Box::new(m20260101_000001_create_note::Migration),
        ]
    }
}

//! Migrations of every tenant's schema. Name its tables without a schema: `"note"`.

use sea_orm_migration::prelude::*;

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            // `sea-orm-cli migrate generate` writes this list.
        ]
    }
}

//! Migrations of the shared schema. They qualify its tables: `("public", "plan")`.

mod m20260101_000001_create_plan;

use sea_orm_migration::prelude::*;
use tenant_migration::catalog;

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        catalog::migrations().into_iter().chain(Self::own()).collect()
    }
}

impl Migrator {
    /// Returns the application's own migrations. `sea-orm-cli migrate generate` edits this list.
    fn own() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20260101_000001_create_plan::Migration)]
    }
}

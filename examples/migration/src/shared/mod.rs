//! Migrations of the shared schema. They name its tables in full: `("public", "plan")`.

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
    /// `sea-orm-cli migrate generate` writes this list.
    fn own() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20260101_000001_create_plan::Migration)]
    }
}

//! Migrations of the shared schema. Name its tables in full: `("public", "plan")`.

use sea_orm_migration::prelude::*;
use tenant_migration::catalog;

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        catalog::migrations()
            .into_iter()
            .chain(Self::own())
            .collect()
    }
}

impl Migrator {
    fn own() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            // `generate NAME -d migration/src/shared` adds to this list.
        ]
    }
}

//! [`Migrator`]: the answer to Loco's own commands for migrations.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// Refuses `cargo loco db migrate`, `down`, `reset` and `status`, `auto_migrate` and `dangerously_recreate`.
///
/// Loco knows one schema. `db reset` would drop the catalog and leave the schemas of all tenants behind.
pub struct Migrator;

#[async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Vec::new()
    }

    /// SeaORM calls it first in each of its commands.
    async fn install<C: ConnectionTrait>(_: &C) -> Result<(), DbErr> {
        Err(DbErr::Migration(
            "Loco's commands for migrations know one schema, so nothing was changed: migrate the shared schema and all tenants \
             by `cargo loco task tenants:migrate`"
                .to_owned(),
        ))
    }
}

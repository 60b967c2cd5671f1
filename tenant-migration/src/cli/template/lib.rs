use tenant_migration::Migrations;

mod shared;
mod tenant;

/// The migrations of the shared schema and of every tenant's.
pub fn migrations() -> Migrations {
    Migrations::new(shared::Migrator, tenant::Migrator)
}

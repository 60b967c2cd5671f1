//! The migrations of the application.

// `audit` and `tenant sql` know the tables of the entities that are linked into the program.
use entity as _;
use tenant_migration::Migrations;

mod shared;
mod tenant;

/// Returns the migrations of the shared schema and of the tenants.
pub fn migrations() -> Migrations {
    Migrations::new(shared::Migrator, tenant::Migrator)
}

//! The migrations of the example application.
//!
//! `sea-orm-cli migrate generate NAME -d examples/migration/src/tenant` adds a tenant migration.
//! `-d examples/migration/src/shared` adds one for the shared schema.
#![allow(
    elided_lifetimes_in_paths,
    unreachable_pub,
    reason = "migrations are as `sea-orm-cli migrate generate` writes them"
)]

mod shared;
mod tenant;

use tenant_migration::Migrations;

/// Returns the migrations of the shared schema and of the tenants' schemas.
pub fn migrations() -> Migrations {
    Migrations::new(shared::Migrator, tenant::Migrator)
}

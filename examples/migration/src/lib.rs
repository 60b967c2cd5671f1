//! The migrations of the example applications.
//!
//! `sea-orm-cli migrate generate NAME -d examples/migration/src/tenant` adds one to the tenants' set, and with
//! `src/shared` one to the shared schema's.
#![allow(
    elided_lifetimes_in_paths,
    unreachable_pub,
    reason = "migrations are as `sea-orm-cli migrate generate` writes them"
)]

mod shared;
mod tenant;

use tenant_migration::Migrations;

/// The migrations of the shared schema and of every tenant's.
pub fn migrations() -> Migrations {
    Migrations::new(shared::Migrator, tenant::Migrator)
}

//! Definitions of an application: migrations, hooks, roles and tasks. The tables that record what was done: the catalog
//! and the ledgers.

pub mod catalog;
pub(crate) mod dirty_mark;
mod function_search_path;
mod hooks;
mod ledger;
mod lookup_error;
mod migrations;
mod schema_ref;
mod step;
#[cfg(feature = "cli")]
mod tasks;
mod tenant_roles;
pub(crate) mod version;

#[cfg(feature = "cli")]
pub(crate) use self::tasks::AnyError;
pub(crate) use self::{
    catalog::{
        DOMAIN_KEY, SCHEMA_NAME_KEY, exist, is_called, is_outdated, lock_tenants, schema_names, schema_of,
        tenant_of,
    },
    function_search_path::{FUNCTIONS_FOUND, ask_for_functions},
    hooks::Hook,
    ledger::Ledger,
    schema_ref::SchemaRef,
};
pub use self::{
    hooks::{Migrating, Seeding, TenantHooks},
    lookup_error::LookupError,
    migrations::{MigrationSet, Migrations},
    step::Step,
    tenant_roles::{RoleError, TenantRoles},
};

//! Definitions of an application: migrations, hooks, roles and tasks. The tables that record what was done: the catalog
//! and the ledgers.

pub mod catalog;
pub(crate) mod dirty_mark;
pub(crate) mod function_search_path;
pub(crate) mod hooks;
pub(crate) mod ledger;
pub(crate) mod migrations;
pub(crate) mod schema_ref;
pub(crate) mod step;
#[cfg(feature = "cli")]
pub(crate) mod tasks;
pub(crate) mod tenant_roles;
pub(crate) mod version;

//! The catalog: the tables `tenants`, `domains` and `dropped_tenants` of the shared schema, and the store on top of them.

pub mod domain;
pub mod dropped_tenant;
mod store;
pub mod tenant;

pub use store::{CatalogError, SeaOrmStore, TenantStore};

/// The names of its tables.
#[doc(hidden)]
pub const TABLES: [&str; 3] = ["tenants", "domains", "dropped_tenants"];

//! The catalog: the tables `tenants` and `domains` of the shared schema, and the store on top of them.

pub mod domain;
mod store;
pub mod tenant;

pub use store::{CatalogError, SeaOrmStore, TenantStore};

/// The names of its tables.
#[doc(hidden)]
pub const TABLES: [&str; 2] = ["tenants", "domains"];

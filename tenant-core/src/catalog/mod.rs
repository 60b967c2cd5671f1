//! The catalog: the tables `tenants`, `domains` and `dropped_tenants` of the shared schema, and the look-up of tenants
//! in them.

pub mod domain;
pub mod dropped_tenant;
mod schema_lookup;
mod store;
pub mod tenant;

pub(crate) use schema_lookup::find_tenant_schema;
pub use store::{CatalogError, SeaOrmStore, TenantStore};

/// Names of the tables of the catalog.
#[doc(hidden)]
pub const TABLES: [&str; 3] = ["tenants", "domains", "dropped_tenants"];

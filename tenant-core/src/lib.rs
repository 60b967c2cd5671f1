//! Schema-per-tenant multitenancy for SeaORM 2.0 on PostgreSQL.

pub mod catalog;
pub mod connection;
pub mod context;
pub mod error;
pub mod registry;
pub mod resolve;
mod schema_name;
mod sql;
mod tenant;
mod tenants;
#[cfg(any(feature = "axum", feature = "actix"))]
pub mod web;

pub use connection::{TenantConnection, TenantTransaction};
pub use error::{ConnectError, ConnectionError, RegistryError};
pub use registry::{
    Registry, SHARED_SCHEMA, Scope, SharedEntity, SharedEnum, TENANT_MARKER, TenantEntity, TenantEnum,
};
pub use resolve::{Host, HostError};
pub use schema_name::{MAX_IDENTIFIER_BYTES, SchemaName, SchemaNameError};
pub use sql::Refusal;
pub use tenant::{DEFAULT_KIND, Tenant, TenantId, TenantStatus, UnknownStatus};
pub use tenants::{DEFAULT_HOST_MEMORY, Tenants, TenantsBuilder};

#[cfg(feature = "actix")]
pub use web::actix;
#[cfg(feature = "axum")]
pub use web::axum;

#[cfg(feature = "macros")]
pub use tenant_macros::{shared, tenant};

/// What the macros expand to. Not for applications.
#[doc(hidden)]
pub mod __private {
    pub use crate::registry::{Registration, Scope};
    pub use inventory;
    pub use sea_orm;
}

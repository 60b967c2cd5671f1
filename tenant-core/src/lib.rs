//! Schema-per-tenant multitenancy for SeaORM 2.0 on PostgreSQL.

extern crate self as tenant_core;

pub mod error;
pub mod registry;
mod schema_name;
mod sql;

pub use registry::{
    Registry, SHARED_SCHEMA, Scope, SharedEntity, SharedEnum, TENANT_MARKER, TenantEntity, TenantEnum,
};
pub use sql::Refusal;
pub use schema_name::{MAX_IDENTIFIER_BYTES, SchemaName, SchemaNameError};

#[cfg(feature = "macros")]
pub use tenant_macros::{shared, tenant};

/// What the macros expand to. Not for applications.
#[doc(hidden)]
pub mod __private {
    pub use crate::registry::{Registration, Scope};
    pub use inventory;
    pub use sea_orm;
}

//! Schema-per-tenant multitenancy for SeaORM 2.0 on PostgreSQL.
//!
//! One application and one database serve many customers. Each customer, a *tenant*, owns a schema with its
//! own copy of the tenant tables; shared tables live once, in `public`. A request's host is looked up in the
//! catalog, and every query of the request runs in that tenant's schema. Other resolvers find the tenant by a subdomain,
//! the path, a header or a token: see [`resolve`].
//!
//! 1. Mark each entity [`#[tenant]`](macro@tenant) or [`#[shared]`](macro@shared).
//! 2. Connect with [`Tenants::connect`].
//! 3. Put `axum::TenantLayer` or `actix::TenantMiddleware` around the routes, and take [`TenantConnection`]
//!    and [`Tenant`] in the handlers. Without a web framework, [`Tenants::connection`] gives the connection
//!    of a tenant.
//!
//! The tables of the catalog and everything that changes a schema come from the crate `tenant-migration`.
//!
//! # What is promised
//! A name that was qualified is the tenant's. A statement with a name that cannot be qualified does not run. The table
//! of decisions is in the documentation of [`TenantConnection`]. [`coverage`] lists what works of SeaORM, and [`loco`] what of
//! Loco.
//!
//! # Words
//! | word | meaning |
//! |---|---|
//! | tenant | a customer; owns exactly one schema for its whole life |
//! | shared schema | `public`: the tables that all tenants share, the catalog among them |
//! | catalog | the tables `tenants`, `domains` and `dropped_tenants` in the shared schema |
//! | public tenant | the row of the catalog whose schema is the shared schema: the main site |
//! | tenant table, shared table | a table that exists once per tenant, or once |
//!
//! # Example
//! ```no_run
//! use sea_orm::{DbErr, EntityTrait};
//! use tenant_core::TenantConnection;
//!
//! mod note {
//!     use sea_orm::entity::prelude::*;
//!
//!     #[tenant_core::tenant]
//!     #[sea_orm::model]
//!     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
//!     #[sea_orm(table_name = "note")]
//!     pub struct Model {
//!         #[sea_orm(primary_key)]
//!         pub id: i32,
//!         pub title: String,
//!     }
//!
//!     impl ActiveModelBehavior for ActiveModel {}
//! }
//!
//! async fn titles(db: &TenantConnection) -> Result<Vec<String>, DbErr> {
//!     let notes = note::Entity::find().all(db).await?;
//!     Ok(notes.into_iter().map(|note| note.title).collect())
//! }
//! ```
//!
//! # Cargo features
//! | feature | default | what it adds |
//! |---|---|---|
//! | `macros` | yes | the attributes `#[tenant]` and `#[shared]` |
//! | `axum` | | `TenantLayer`, `PublicOrTenant`, `PerKind`, `tls_ask` and extractors |
//! | `actix` | | `TenantMiddleware`, guards, `tls_ask` and extractors |
//! | `schema-sync` | | `SchemaBuilder::sync` on a [`TenantConnection`] and a [`TenantTransaction`] |
//! | `rbac` | | `TenantConnection::restricted_for`, by SeaORM's role-based access control |
//! | `entity-registry` | | SeaORM's `EntityRegistry`, for the schema builder |
//! | `mock` | | SeaORM's `MockDatabase`, for an application's unit tests |
//! | `tracing-spans` | | SeaORM's spans around statements |
//! | `metrics` | | `metrics`: figures for Prometheus and others, by the crate of that name |
//! | `sqlx-postgres` | yes | SeaORM's driver; without it, a `MockDatabase` is left |
//! | `runtime-tokio` | yes | the driver's runtime, without TLS |
//! | `runtime-tokio-rustls`, `runtime-tokio-native-tls` | | the same with TLS |

#![cfg_attr(docsrs, feature(doc_cfg))]

// The floors, from the lowest to the highest. A module uses only those before it: `scripts/floors` checks that.
mod schema_name;

mod role_name;

pub mod registry;

mod host;

mod tenant;

pub mod resolve;

pub mod context;

#[cfg(feature = "metrics")]
pub mod metrics;

mod sql;

pub mod error;

#[cfg_attr(not(feature = "sqlx-postgres"), path = "pool/without_driver.rs")]
mod pool;

pub mod connection;

pub mod catalog;

mod tenants;

pub mod audit;

pub mod web;

#[cfg(doc)]
#[doc = include_str!("docs/coverage.md")]
pub mod coverage {}

#[cfg(doc)]
#[doc = include_str!("docs/loco.md")]
pub mod loco {}

#[cfg(feature = "rbac")]
pub use connection::{RestrictedTenantConnection, RestrictedTenantTransaction};
pub use connection::{StatementGuard, TenantConnection, TenantTransaction};
pub use error::{ConnectError, ConnectionError};
pub use host::{Domain, Host, HostError};
pub use pool::{ClosedConnections, PoolStatus, WaitHistogram};
pub use registry::{Registry, RegistryError, Scope, SharedEntity, SharedEnum, TenantEntity, TenantEnum};
pub use role_name::{RoleName, RoleNameError};
pub use schema_name::{MAX_IDENTIFIER_BYTES, SHARED_SCHEMA, SchemaName, SchemaNameError, TENANT_MARKER};
pub use sql::{Refusal, StatementStatus};
pub use tenant::{
    DEFAULT_KIND, Tenant, TenantDataError, TenantId, TenantRef, TenantStatus, UnknownStatus, UrlScheme,
};
pub use tenants::{
    CacheStatus, DEFAULT_HOST_CACHE_TTL, DEFAULT_STALE_IF_ERROR, FanOut, FanOutError, FanOutQuery,
    SchemaVersions, SkewPolicy, Tenants, TenantsBuilder, Unserved, VersionSkew,
};

#[cfg(feature = "actix")]
pub use web::actix;
#[cfg(feature = "axum")]
pub use web::axum;

#[cfg(feature = "macros")]
pub use tenant_macros::{shared, tenant};

/// Names for the code that the macros expand to and for `tenant-migration`. Not for applications.
#[doc(hidden)]
pub mod __private {
    pub use crate::audit::RESOLVES_WHEN_CALLED;
    pub use crate::catalog::TABLES as CATALOG_TABLES;
    pub use crate::connection::{ShutDown, database_name, detached};
    #[cfg(feature = "sqlx-postgres")]
    pub use crate::pool::shares_sessions;
    pub use crate::registry::{Registration, Scope};
    pub use crate::sql::{StatementKind, statement_kind};
    pub use inventory;
    pub use sea_orm;
}

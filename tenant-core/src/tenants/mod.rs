//! The application's handle: the catalog, the cache of hosts, the connections of all tenants, and its configuration.

mod builder;
mod data_loader;
mod extension_members;
mod fan_out;
mod handle;
mod host_cache;
#[cfg(feature = "sqlx-postgres")]
mod listener;
mod lookup;
#[cfg(feature = "metrics")]
mod metrics;
mod schema_versions;
mod unserved;

pub use builder::{DEFAULT_HOST_CACHE_TTL, DEFAULT_STALE_IF_ERROR, TenantsBuilder};
pub use fan_out::{FanOut, FanOutError, FanOutQuery};
pub use handle::Tenants;
pub use lookup::CacheStatus;
pub use schema_versions::{SchemaVersions, SkewPolicy, VersionSkew};
pub use unserved::Unserved;

//! A tenant's life: what is done to one tenant as a whole.

mod adopt;
pub(crate) mod baseline;
pub(crate) mod catalog_insert;
mod clone;
pub(crate) mod create;
pub(crate) mod domains;
mod drop;
mod error;
pub(crate) mod lookup;
pub(crate) mod name_availability;
mod pool;
mod rename;
mod rename_schema;
mod status;

pub use adopt::{Applied, adopt_schema};
pub use clone::{CloneData, CloneError, clone_tenant, create_tenant_from};
pub use create::{CreateTenantError, NewTenant, create_tenant};
pub use domains::{add_domain, list_domains, remove_domain, set_primary_domain};
pub use drop::{DEFAULT_DROP_BATCH, DropOptions, Dropped, drop_tenant};
pub use error::LifecycleError;
pub use pool::{Pool, PoolError, drain_pool, fill_pool};
pub use rename::rename_tenant;
pub use rename_schema::{RenameOptions, SchemaRenamed, rename_schema};
pub use status::{archive_tenant, resume_tenant, set_maintenance, suspend_tenant};

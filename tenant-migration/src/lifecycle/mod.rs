//! A tenant's life: what is done to one tenant as a whole.

mod adopt;
mod clone;
mod create;
mod creation;
mod domains;
mod drop;
mod error;
mod lookup;
mod name;
mod pool;
mod register;
mod rename;
mod rename_schema;
mod status;
mod take_in;
#[cfg(feature = "cli")]
mod transfer;

pub use adopt::{Applied, adopt_schema};
pub use clone::{CloneData, CloneError, clone_tenant, create_tenant_from};
pub use create::{NewTenant, create_tenant};
pub use domains::{add_domain, list_domains, remove_domain, set_primary_domain};
pub use drop::{DEFAULT_DROP_BATCH, DropOptions, Dropped, drop_tenant};
pub use error::LifecycleError;
pub(crate) use pool::find_name;
pub use pool::{Pool, PoolError, drain_pool, fill_pool};
pub use rename::rename_tenant;
pub use rename_schema::{RenameOptions, SchemaRenamed, rename_schema};
pub use status::{archive_tenant, resume_tenant, set_maintenance, suspend_tenant};
#[cfg(feature = "cli")]
pub use transfer::{
    ExportError, ImportError, ImportOptions, PgPrograms, ProgramError, export_tenant, import_tenant,
};

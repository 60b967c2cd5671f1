//! The lifecycle of a tenant: creating, cloning, adopting, changing, renaming and dropping it.

mod adopt;
pub(crate) mod baseline;
pub(crate) mod catalog_insert;
mod clone;
mod create;
pub(crate) mod domains;
mod drop;
mod error;
pub(crate) mod lookup;
pub(crate) mod name_availability;
mod pool;
mod rename_schema;
mod reservation;
mod status;
mod update;

#[cfg(feature = "cli")]
pub(crate) use self::{
    adopt::{AdoptOptions, adopt},
    baseline::{baseline, require_known},
    drop::{drop_observed, time_since_change},
    name_availability::NameClaim,
    reservation::Reservation,
};
pub use self::{
    adopt::{Applied, adopt_schema},
    clone::{CloneData, Cloned, clone_tenant, create_tenant_from},
    create::{NewTenant, create_tenant},
    domains::{add_domain, list_domains, remove_domain, set_primary_domain},
    drop::{DEFAULT_DROP_BATCH, DropOptions, Dropped, drop_tenant},
    error::LifecycleError,
    name_availability::{NAME_REUSE_AGE, NameError},
    pool::{Pool, drain_pool, fill_pool},
    rename_schema::{RenameOptions, SchemaRenamed, rename_schema},
    status::{archive_tenant, resume_tenant, set_maintenance, suspend_tenant},
    update::{TenantChanges, update_tenant},
};

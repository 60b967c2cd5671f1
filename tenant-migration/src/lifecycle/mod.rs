//! A tenant's life: what is done to one tenant as a whole.

mod create;
mod creation;
mod error;
mod lookup;

pub use create::{NewTenant, create_tenant};
pub use error::LifecycleError;

//! A tenant's life: what is done to one tenant as a whole.

mod create;
mod creation;

pub use create::{NewTenant, create_tenant};

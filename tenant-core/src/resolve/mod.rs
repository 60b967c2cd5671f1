//! From a request to a tenant.

mod cache;
mod host;

pub(crate) use cache::ResolutionCache;
pub use host::{Host, HostError};

//! Requests: from a host name to the tenant in a handler, for axum and actix.

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(feature = "axum")]
pub mod axum;
mod rejection;
mod resolve;
#[cfg(feature = "axum")]
mod tower;

pub use rejection::Rejection;

//! Middleware and extractors for axum and actix: they find the tenant of a request by its host.

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(feature = "axum")]
pub mod axum;
mod rejection;
mod resolve;
#[cfg(feature = "axum")]
mod tower;

pub use rejection::Rejection;

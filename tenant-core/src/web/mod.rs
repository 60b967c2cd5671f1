//! From a request to its tenant: the layer of axum, the middleware of actix-web, and [`resolve`] for other frameworks.
//!
//! All of them run the same steps: the key of the request ([`crate::resolve`]), the look-up, the tenant's status, its
//! schema's version, and the guard. What the extractors read is in the request's extensions: the
//! [`TenantConnection`](crate::TenantConnection), and the [`PathPrefix`](crate::resolve::PathPrefix) if the path named
//! the tenant.

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(any(feature = "axum", feature = "actix"))]
mod data;
#[cfg(any(feature = "axum", feature = "actix"))]
mod measure;
mod rejection;
mod resolve;
#[cfg(any(feature = "axum", feature = "actix"))]
mod tls_ask;
#[cfg(feature = "axum")]
mod tower;

#[cfg(any(feature = "axum", feature = "actix"))]
pub use data::TenantData;
pub use rejection::Rejection;
pub use resolve::{TenantRequest, resolve};

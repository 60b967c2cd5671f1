//! Host names of requests and domains, in one form.

mod name;
#[cfg(any(feature = "axum", feature = "actix", test))]
mod request;

pub use name::{Host, HostError};
#[cfg(any(feature = "axum", feature = "actix"))]
pub(crate) use request::request_host;

//! Host names of requests and domains, in one form.

mod domain;
mod name;
mod request;

pub use domain::Domain;
pub use name::{Host, HostError};
pub(crate) use request::request_host;

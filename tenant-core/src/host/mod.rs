//! Host names of requests and domains, in one form.

mod name;
mod request;

pub use name::{Host, HostError};
pub(crate) use request::request_host;

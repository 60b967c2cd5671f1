//! The pool behind all tenants.

mod old;
#[allow(dead_code)]
mod scheduler;
#[allow(dead_code)]
mod status;

pub(crate) use old::connect;

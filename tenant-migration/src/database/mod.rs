//! Lowest floor: PostgreSQL itself. Queries of our own, what its errors mean, and sessions.

pub(crate) mod error;
pub(crate) mod panic;
pub(crate) mod query;
pub(crate) mod session;

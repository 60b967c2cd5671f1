//! Fuzz targets for what takes text from outside: schema names, hosts, SQL.
//!
//! Each target is a function that takes bytes and panics where a promise is broken. `scripts/fuzz` gives it bytes
//! that libFuzzer makes; the integration tests give it the texts in `seeds`, so that a finding is kept from coming
//! back by a file there.

#![allow(clippy::panic, clippy::expect_used, reason = "a panic is the report")]

mod grammar;
mod host;
mod oracle;
mod schema_name;
mod statement;
mod world;

pub use host::host;
pub use oracle::judge;
pub use schema_name::schema_name;
pub use statement::{statement, statement_structured};

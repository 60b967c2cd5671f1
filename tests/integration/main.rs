//! Integration tests with a real PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

// The templates of `init` call these crates so.
extern crate example_entity as entity;
extern crate example_migration as migration;

mod actix;
mod attack;
mod audit;
mod cancellation;
mod compiler_properties;
mod conformance;
mod connection;
mod coverage;
mod entities;
mod errors;
mod extensions;
mod fan_out;
mod fuzz_targets;
mod identifiers;
mod large_statements;
mod log_lines;
mod logs;
mod migrations;
mod pool;
mod pooler;
mod ported;
mod proxy;
mod roles;
mod test_util;
mod transactions;
mod web;

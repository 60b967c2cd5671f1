//! Tests with a real PostgreSQL. They run the program as its users do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

mod chapter;
mod database_connections;
mod db_commands;
mod program;
mod requests;
mod tasks;
mod workers;

//! Integration tests, against a real PostgreSQL.

mod compiler_properties;
mod connection;
mod entities;
mod large_statements;
mod migrations;
mod transactions;
mod web;

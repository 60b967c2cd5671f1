//! Integration tests, against a real PostgreSQL.

mod connection;
mod entities;
mod large_statements;
mod transactions;

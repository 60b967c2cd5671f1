//! The entities of the application.
//!
//! `#[tenant]` marks a table that each tenant has in its own schema, `#[shared]` a table that all tenants share.

pub mod note;

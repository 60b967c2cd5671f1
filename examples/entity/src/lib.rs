//! The entities of the example application: notes, a table in each tenant's schema, and plans, a table that all tenants
//! share.

pub mod note;
pub mod plan;

//! One schema: entering it under its lock, and all that is done inside of it.

pub(crate) mod dependents;
pub(crate) mod dirty;
pub(crate) mod enter;
pub(crate) mod lock;
pub(crate) mod recreate;
pub(crate) mod roles;
pub(crate) mod self_references;
pub(crate) mod session;
pub(crate) mod statement_recorder;
pub(crate) mod structure;
pub(crate) mod tenant_transaction;

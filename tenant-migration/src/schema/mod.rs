//! One schema: entering it under its lock, and all that is done inside of it.

pub(crate) mod dependents;
pub(crate) mod dirty;
pub(crate) mod enter;
pub(crate) mod extensions;
pub(crate) mod lock;
mod recreate;
pub(crate) mod roles;
mod self_references;
mod session;
mod statement_recorder;
mod structure;
mod tenant_transaction;

pub(crate) use self::{
    enter::{SchemaState, set_timeout},
    self_references::{find_name, mentions_of},
    session::SchemaSession,
    statement_recorder::{StatementRecorder, with_all_statements_logged},
    structure::{Fingerprint, ReadError, Reading, Structure, aside, copying, reference, require_locks},
};
pub use self::{
    roles::{drop_tenant_role, grant_tenant_role},
    tenant_transaction::{tenant_transaction, tenant_transaction_with},
};

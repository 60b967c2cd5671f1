//! Lowest floor: PostgreSQL itself. Queries of our own, what its errors mean, and sessions.

mod error;
mod panic;
mod query;
mod session;

pub use self::session::SessionError;
pub(crate) use self::{
    error::{
        broken_key, ends_the_session, is_uncommitted_enum_value, is_without_catalog, is_without_table,
        reason, reason_without_details, sqlstate,
    },
    panic::panic_message,
    query::{FOR_CATALOGS, execute, inlined, rows, scalar, texts},
    session::{
        connect_another, connect_one, driver_options, forbid_reconnection, require_own_session,
        require_sessions,
    },
};

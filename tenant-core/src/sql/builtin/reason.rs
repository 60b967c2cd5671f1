//! Reasons for which a tenant connection refuses a function or a type of PostgreSQL.

/// Class of a refused function or type. `review.txt` assigns each name its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Reads or writes a file of the server.
    Files,
    /// Takes part in PostgreSQL's own work: input and output of types, index support, estimates, triggers.
    Internal,
    /// Reads or writes large objects.
    LargeObjects,
    /// Finds a table, a type, a role or another object by a text or an id.
    Named,
    /// Shows or stops the work of other sessions.
    Others,
    /// Finds a sequence by a text, or remembers a value of one in the session.
    Sequence,
    /// Shows or changes the server or its catalog.
    Server,
    /// Changes or shows state that stays with the session.
    Session,
    /// Takes or releases a lock that stays with the session.
    SessionLock,
    /// Runs SQL, or opens a table, that is given as text.
    Sql,
    /// Returns a type's name as a `regtype`, which turns texts beside it into types.
    TypeName,
}

impl Reason {
    /// Returns the reason and the way out, to stand after "is not called on a tenant connection: ".
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Files => {
                "it reads or writes files of the server, which belong to no tenant; \
                 use `TenantConnection::begin_unguarded`"
            }
            Self::Internal => {
                "PostgreSQL calls it by itself; write the cast, the operator or the aggregate that it serves"
            }
            Self::LargeObjects => {
                "large objects belong to no schema, so that every tenant has the same ones; \
                 use a column of type `bytea`"
            }
            Self::Named => {
                "it finds a table, a type or another thing by a text or an id, which may be another's; \
                 use `TenantConnection::begin_unguarded`"
            }
            Self::Others => {
                "it shows or stops what others do in this database; use `TenantConnection::begin_unguarded`"
            }
            Self::Sequence => {
                "it finds its sequence by a text, through search_path; let the column's default draw the \
                 number and read it with `RETURNING`, or use `TenantConnection::begin_unguarded`"
            }
            Self::Server => {
                "it looks at the server and its catalog, where all tenants are; \
                 use `TenantConnection::begin_unguarded`"
            }
            Self::Session => {
                "it changes or shows the session, which other tenants use after this one; \
                 use `TenantConnection::begin_unguarded`, whose session is closed afterwards"
            }
            Self::SessionLock => {
                "its lock stays with the session, which other tenants use after this one; \
                 use `pg_advisory_xact_lock`"
            }
            Self::Sql => {
                "it runs SQL, or opens a table, that is given as text and cannot be checked; \
                 use `TenantConnection::begin_unguarded`"
            }
            Self::TypeName => {
                "its result makes a type of each text that is compared or united with it; \
                 write `pg_typeof(...)::text`"
            }
        }
    }
}

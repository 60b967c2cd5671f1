//! Errors of connecting and of connections, and their conversion to SeaORM's error.

use std::borrow::Cow;

use sea_orm::DbErr;

use crate::{
    registry::RegistryError,
    role_name::{RoleName, RoleNameError},
    schema_name::{SchemaName, SchemaNameError},
    sql::Refusal,
};

/// Error of building the application's handle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// An annotated entity or enum cannot work.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The configuration allows a schema whose name is not valid.
    #[error("the configuration allows a schema that cannot be one: {0}")]
    Schema(#[from] SchemaNameError),
    /// The configuration, or an entity's `schema`, allows the schema of a tenant.
    #[error(
        "the schema {schema} is allowed in the statements of all tenants, and is that of one tenant: take it out of \
         `allow_schema`, of `extension_schemas`, or of the entity's `#[shared(schema = ...)]`"
    )]
    AllowedTenantSchema {
        /// The schema.
        schema: String,
    },
    /// The `search_path` of the application's sessions has the schema of a tenant.
    #[error(
        "the schema {schema} is on the search_path of the application's sessions, and is that of one tenant: take it off \
         the path in the URL, of the user or of the database"
    )]
    TenantSchemaOnPath {
        /// The schema.
        schema: String,
    },
    /// No connection to the database could be opened.
    #[error("no connection to the database at {address}: {source}")]
    Unreachable {
        /// Host and port, or the path of the socket.
        address: String,
        /// Reason.
        source: DbErr,
    },
    /// The URL is not one of PostgreSQL. The error leaves it out, for it may have a password in it.
    #[error(
        "the URL of the database cannot be read: write it as `postgres://user:password@host:5432/database`, with `%40` for \
         an `@` in the password"
    )]
    Url,
    /// A query to the database failed.
    #[error("the database could not be asked: {0}")]
    Database(#[from] DbErr),
    /// An extension is allowed that the database does not have.
    #[error(
        "the extension {name} is allowed in statements, and is not in the database: create it in a shared migration"
    )]
    NoExtension {
        /// The extension.
        name: String,
    },
    /// An extension is allowed for a check without a connection, which cannot ask what the extension has.
    #[error(
        "the extension {name} is allowed for a check of statements that has no connection to ask what it has: make the \
         handle with `connect`, or add what is used with `function` and `ty`"
    )]
    ExtensionUnread {
        /// The extension.
        name: String,
    },
    /// The server reads literals by the rules of PostgreSQL 9.0 and older.
    #[error(
        "the server's setting standard_conforming_strings is off, so that it reads literals in another way than \
         they are checked in: set it to on, as it is by default"
    )]
    NonStandardStrings,
    /// The server is behind a pooler in transaction mode that the application did not name.
    #[error(
        "the database is reached through a pooler that gives a connection to the server to one client after another, such \
         as PgBouncer in transaction mode, where the prepared statement of one tenant could run for another: connect to \
         PostgreSQL itself or in session mode, or name the pooler with `TenantsBuilder::behind_pooler`, which takes \
         PgBouncer 1.21 or newer"
    )]
    UnnamedPooler,
    /// The pooler does not support prepared statements.
    #[error(
        "the pooler does not keep prepared statements apart for its clients: PgBouncer does from version 1.21, with \
         max_prepared_statements in its configuration, such as 200; `behind_pooler` was given {statements}"
    )]
    PoolerPreparesNothing {
        /// The number that [`TenantsBuilder::behind_pooler`](crate::TenantsBuilder::behind_pooler) was given.
        statements: usize,
    },
}

/// Error of a tenant's connection: a refusal, or an unknown outcome.
///
/// SeaORM's traits return [`DbErr`], so it travels inside one; [`ConnectionError::of`] takes it out again, and
/// [`Refusal::of`] the reason for which a statement was refused. [`http_answer`] has a handler's answer to each.
///
/// # Example
/// ```
/// use tenant_core::ConnectionError;
///
/// fn is_our_bug(error: &sea_orm::DbErr) -> bool {
///     matches!(ConnectionError::of(error), Some(ConnectionError::Refused { .. }))
/// }
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// A statement was not sent to the database.
    #[error("tenant {tenant}: {refusal} (in: {sql})")]
    Refused {
        /// The tenant whose connection it was.
        tenant: SchemaName,
        /// Reason, and what to do instead.
        #[source]
        refusal: Refusal,
        /// The start of the statement.
        sql: String,
    },
    /// The transaction cannot be used any more.
    #[error(
        "tenant {tenant}: the transaction is over, because a nested transaction could not begin or end in it, a stream was \
         dropped in it before its many rows were read, or its connection was lost: nothing of it was kept, begin anew"
    )]
    TransactionBroken {
        /// The tenant whose transaction it was.
        tenant: SchemaName,
    },
    /// A transaction was used or ended while a nested transaction was open.
    #[error(
        "tenant {tenant}: a transaction nested in this one is still open: commit it or roll it back first (this one is \
         rolled back, if it was to be committed)"
    )]
    NestedOpen {
        /// The tenant whose transaction it was.
        tenant: SchemaName,
    },
    /// A transaction was committed after a statement failed. PostgreSQL rolls it back then, and the driver does not
    /// report that.
    #[error(
        "tenant {tenant}: the transaction was rolled back instead of committed, because a statement in it had \
         failed: roll back where a statement fails, or try it in a nested transaction"
    )]
    StatementFailed {
        /// The tenant whose transaction it was.
        tenant: SchemaName,
    },
    /// The tenant's role cannot be used. No statement was sent.
    #[error(
        "tenant {tenant}: its role {role} cannot be used: make it with `tenant_migration::grant_tenant_role`, and see that it is granted to the role that the application logs in as ({source})"
    )]
    NoRole {
        /// The tenant whose connection it was.
        tenant: SchemaName,
        /// Its role.
        role: RoleName,
        /// PostgreSQL's error.
        source: DbErr,
    },
    /// The name of the tenant's role would be too long.
    #[error("tenant {tenant}: {source}")]
    RoleName {
        /// The tenant whose connection it was.
        tenant: SchemaName,
        /// Reason.
        source: RoleNameError,
    },
    /// The tenant's schema does not exist, as after the tenant was dropped.
    #[error("tenant {tenant}: its schema does not exist: look the tenant up again, or restore its schema")]
    NoSchema {
        /// The tenant whose connection it was.
        tenant: SchemaName,
    },
    /// `begin_unguarded` was called behind a pooler, which gives the session to other clients without a reset.
    #[error(
        "tenant {tenant}: unguarded statements may change the session, which the pooler gives to other clients after \
         them: run them on a handle that is connected to PostgreSQL itself"
    )]
    UnguardedBehindPooler {
        /// The tenant whose connection it was.
        tenant: SchemaName,
    },
    /// No connection to the database could be opened in time. Nothing was sent.
    #[error(
        "no connection to the database at {address} could be opened within {waited:?}: see that it runs and takes \
         connections"
    )]
    Unreachable {
        /// Host and port, or the path of the socket.
        address: String,
        /// Time for which it was tried: the rest of the `acquire_timeout`.
        waited: std::time::Duration,
    },
    /// No connection was free in time. Nothing was sent.
    #[error(
        "no connection was free within {waited:?}: {busy} of {connections} connections ({max_connections} at most) are \
         in use by {busy_tenants} tenants, and {waiting} requests wait: raise `max_connections`, or look for long \
         transactions"
    )]
    AcquireTimeout {
        /// The `acquire_timeout`.
        waited: std::time::Duration,
        /// The `max_connections`.
        max_connections: usize,
        /// Open connections.
        connections: usize,
        /// Connections in use.
        busy: usize,
        /// Tenants that use a connection.
        busy_tenants: usize,
        /// Other waiting requests.
        waiting: usize,
    },
    /// The connection was lost while the transaction was being committed.
    #[error(
        "tenant {tenant}: the connection was lost during COMMIT, so the transaction may be committed or not: read \
         its rows again before you repeat it ({source})"
    )]
    CommitUnknown {
        /// The tenant whose transaction it was.
        tenant: SchemaName,
        /// The driver's error.
        source: DbErr,
    },
}

/// Characters of a statement that an error message shows.
const SHOWN_SQL: usize = 200;

impl ConnectionError {
    pub(crate) fn refused(tenant: &SchemaName, refusal: Refusal, sql: &str) -> Self {
        Self::Refused {
            tenant: tenant.clone(),
            refusal,
            sql: Self::shown(sql),
        }
    }

    /// Returns the start of a statement for an error.
    pub(crate) fn shown(sql: &str) -> String {
        sql.chars().take(SHOWN_SQL).collect()
    }

    /// Returns the error of this type inside SeaORM's error.
    #[must_use]
    pub fn of(error: &DbErr) -> Option<&Self> {
        carrier::source(error)?.downcast_ref()
    }
}

impl Refusal {
    /// Returns the reason for which a statement was refused, if SeaORM's error has one.
    ///
    /// # Example
    /// ```
    /// use sea_orm::DbErr;
    /// use tenant_core::Refusal;
    ///
    /// fn forgotten_table(error: &DbErr) -> Option<&str> {
    ///     match Refusal::of(error)? {
    ///         Refusal::UnknownTable { name, .. } => Some(name),
    ///         _ => None,
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn of(error: &DbErr) -> Option<&Self> {
        match ConnectionError::of(error)? {
            ConnectionError::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

impl From<ConnectionError> for DbErr {
    fn from(error: ConnectionError) -> Self {
        carrier::wrap(error)
    }
}

/// Variants of SeaORM's error that keep the typed error in them.
///
/// SeaORM has no variant for errors of other connections, and puts words in front of the text of each. Those of the
/// driver's errors fit best.
#[cfg(feature = "sqlx-postgres")]
mod carrier {
    use std::{error::Error, io, sync::Arc};

    use sea_orm::{DbErr, RuntimeErr, sqlx};

    use super::ConnectionError;

    pub(super) fn wrap(error: ConnectionError) -> DbErr {
        use ConnectionError::{
            AcquireTimeout, CommitUnknown, NestedOpen, NoRole, NoSchema, Refused, RoleName, StatementFailed,
            TransactionBroken, UnguardedBehindPooler, Unreachable,
        };
        let variant = match &error {
            Refused { .. } => DbErr::Query,
            TransactionBroken { .. } | NestedOpen { .. } | StatementFailed { .. } | CommitUnknown { .. } => {
                DbErr::Exec
            }
            NoRole { .. }
            | RoleName { .. }
            | NoSchema { .. }
            | UnguardedBehindPooler { .. }
            | Unreachable { .. }
            | AcquireTimeout { .. } => DbErr::Conn,
        };
        let inner = match &error {
            // "error communicating with database"
            TransactionBroken { .. } | CommitUnknown { .. } | Unreachable { .. } | AcquireTimeout { .. } => {
                sqlx::Error::Io(io::Error::other(error))
            }
            // "error with configuration"
            _ => sqlx::Error::Configuration(Box::new(error)),
        };
        variant(RuntimeErr::SqlxError(Arc::new(inner)))
    }

    pub(super) fn source(error: &DbErr) -> Option<&(dyn Error + 'static)> {
        let (DbErr::Query(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Conn(RuntimeErr::SqlxError(error))) = error
        else {
            return None;
        };
        match &**error {
            sqlx::Error::Configuration(error) => Some(&**error),
            sqlx::Error::Io(error) => error.get_ref().map(|error| error as _),
            _ => None,
        }
    }
}

/// Without a driver, one variant is left that keeps a typed error.
#[cfg(not(feature = "sqlx-postgres"))]
mod carrier {
    use std::{error::Error, sync::Arc};

    use sea_orm::DbErr;

    use super::ConnectionError;

    pub(super) fn wrap(error: ConnectionError) -> DbErr {
        DbErr::TryIntoErr {
            from: "statement",
            into: "statement of the tenant",
            source: Arc::new(error),
        }
    }

    pub(super) fn source(error: &DbErr) -> Option<&(dyn Error + 'static)> {
        match error {
            DbErr::TryIntoErr { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

/// Returns the HTTP status and the text of a handler's answer to an error of the database: 503 if the database was not
/// reached or is overloaded, and 500 otherwise. The layers answer requests whose tenant cannot be looked up in the same
/// way. The text tells nothing of the error, which belongs into the log.
///
/// # Example
/// ```
/// # use sea_orm::DbErr;
/// struct AppError(DbErr);
///
/// impl AppError {
///     fn answer(&self) -> (u16, &'static str) {
///         match &self.0 {
///             DbErr::RecordNotFound(_) => (404, "Not Found"),
///             error => tenant_core::error::http_answer(error),
///         }
///     }
/// }
/// ```
#[must_use]
pub fn http_answer(error: &DbErr) -> (u16, &'static str) {
    match is_unavailable(error) {
        true => (503, "Service Unavailable: try again in a moment."),
        false => (500, "Internal Server Error"),
    }
}

/// True if the same request may succeed later. An unknown commit is left out, because it may have succeeded.
fn is_unavailable(error: &DbErr) -> bool {
    match ConnectionError::of(error) {
        Some(error) => matches!(
            error,
            ConnectionError::Unreachable { .. }
                | ConnectionError::AcquireTimeout { .. }
                | ConnectionError::TransactionBroken { .. }
        ),
        None => match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
            error => is_lost(error),
        },
    }
}

/// True if the connection was lost, or the server has no room. The SQLSTATEs are those of lost connections (class 08),
/// of a lack of resources (class 53) and of a shutdown or a start.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
#[cfg(feature = "sqlx-postgres")]
fn is_lost(error: &DbErr) -> bool {
    use sea_orm::{RuntimeErr, sqlx::Error};

    if let Some(code) = sqlstate(error) {
        let is_of_class = |class| code.starts_with(class);
        return is_of_class("08") || is_of_class("53") || matches!(&*code, "57P01" | "57P02" | "57P03");
    }
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    matches!(
        **error,
        Error::Io(_) | Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed
    )
}

#[cfg(not(feature = "sqlx-postgres"))]
fn is_lost(_: &DbErr) -> bool {
    false
}

/// Returns the SQLSTATE of an error that PostgreSQL sent for a statement.
#[cfg(feature = "sqlx-postgres")]
pub(crate) fn sqlstate(error: &DbErr) -> Option<Cow<'_, str>> {
    use sea_orm::RuntimeErr;

    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    error.as_database_error()?.code()
}

/// Returns the place in the statement that an error of PostgreSQL points at, in characters from 1.
#[cfg(feature = "sqlx-postgres")]
pub(crate) fn error_position(error: &DbErr) -> Option<usize> {
    use sea_orm::{
        RuntimeErr,
        sqlx::postgres::{PgDatabaseError, PgErrorPosition},
    };

    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    let error = error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?;
    match error.position()? {
        PgErrorPosition::Original(position) => Some(position),
        PgErrorPosition::Internal { .. } => None,
    }
}

#[cfg(not(feature = "sqlx-postgres"))]
pub(crate) fn error_position(_: &DbErr) -> Option<usize> {
    None
}

#[cfg(not(feature = "sqlx-postgres"))]
pub(crate) fn sqlstate(_: &DbErr) -> Option<Cow<'_, str>> {
    None
}

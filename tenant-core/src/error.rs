//! Errors of connecting and of connections, and their conversion to SeaORM's error.

use std::sync::Arc;

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
         `allow_schema`, or of the entity's `#[shared(schema = ...)]`"
    )]
    AllowedTenantSchema {
        /// The schema.
        schema: String,
    },
    /// The `search_path` of the application's sessions has the schema of a tenant. By default it has the schema that is
    /// named like the user.
    #[error(
        "the schema {schema} is on the search_path of the application's sessions, and is that of one tenant: log in as \
         a user of another name (`\"$user\"` is on the path by default), or take it off the path"
    )]
    TenantSchemaOnPath {
        /// The schema.
        schema: String,
    },
    /// The database was not reached.
    #[error("the database was not reached: {0}")]
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
/// SeaORM's traits return [`DbErr`], so it travels inside one; [`ConnectionError::of`] takes it out again.
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
        "tenant {tenant}: the transaction is over, because a nested transaction could not begin or end in it, or its \
         connection was lost: nothing of it was kept, begin anew"
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
            sql: sql.chars().take(SHOWN_SQL).collect(),
        }
    }

    /// Returns the error of this type inside SeaORM's error.
    #[must_use]
    pub fn of(error: &DbErr) -> Option<&Self> {
        match error {
            DbErr::TryIntoErr { source, .. } => source.downcast_ref(),
            _ => None,
        }
    }
}

/// Uses the variant that keeps a source, so that [`ConnectionError::of`] finds the typed error again: SeaORM has no
/// variant for errors of other connections.
impl From<ConnectionError> for DbErr {
    fn from(error: ConnectionError) -> Self {
        let (from, into) = match error {
            ConnectionError::Refused { .. } => ("statement", "statement of the tenant"),
            ConnectionError::AcquireTimeout { .. } => ("request", "connection"),
            _ => ("transaction", "committed transaction"),
        };
        Self::TryIntoErr {
            from,
            into,
            source: Arc::new(error),
        }
    }
}

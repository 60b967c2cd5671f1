//! Why a statement does not run on a tenant connection, and what to do instead.

/// Why a statement was refused. The text of each says what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A table without a schema that neither `#[tenant]` nor `#[shared]` registered.
    #[error(
        "table {0:?} has no scope: mark its entity `#[tenant]` or `#[shared]`, add it to the registry, \
         or write its schema in front of it"
    )]
    UnknownTable(String),
    /// A table name that is registered in both scopes.
    #[error(
        "table {0:?} is registered in more than one schema: write `\"$tenant\".{0}` or the shared schema \
         in front of it"
    )]
    AmbiguousTable(String),
    /// A type without a schema that is neither PostgreSQL's own nor registered.
    #[error(
        "type {0:?} has no scope: mark its enum `#[tenant]` or `#[shared]`, or allow the type in the \
         configuration if an extension brings it"
    )]
    UnknownType(String),
    /// A type name that is registered in both scopes.
    #[error("type {0:?} is registered in more than one schema: write the schema in front of it")]
    AmbiguousType(String),
    /// A schema that is neither the tenant's, nor shared, nor allowed.
    #[error(
        "{name} is in schema {schema:?}, which is neither the tenant's nor shared: write \"$tenant\" for \
         the tenant's schema, or allow the schema in the configuration if it belongs to no tenant"
    )]
    ForeignSchema {
        /// The name as written.
        name: String,
        /// Its schema.
        schema: String,
    },
    /// A statement that is not run on a tenant connection.
    #[error("{0} is not run on a tenant connection: {1}")]
    Statement(&'static str, &'static str),
    /// A part of a statement that is not run on a tenant connection.
    #[error("{0} is not run on a tenant connection: {1}")]
    Construct(&'static str, &'static str),
    /// A function that reads or writes what its text arguments name, or changes the session.
    #[error("function {0} is not called on a tenant connection: {1}")]
    Function(String, &'static str),
    /// A tenant table on a connection of the public tenant.
    #[error(
        "{0} is in the tenant's schema, and the public tenant has none of its own: use the connection of a \
         tenant, or mark the entity `#[shared]`"
    )]
    TenantTableOnPublic(String),
    /// The text is not SQL that can be checked.
    #[error(
        "the statement cannot be checked: {0}. If PostgreSQL takes it as it is, run it in \
         `TenantConnection::begin_unguarded`"
    )]
    Unparseable(String),
    /// The statement is longer or more complex than is checked.
    #[error("the statement has {size} {unit}, more than the {limit} that are checked: split it")]
    TooLong {
        /// Its size.
        size: usize,
        /// The largest size that is checked.
        limit: usize,
        /// What is counted.
        unit: &'static str,
    },
}

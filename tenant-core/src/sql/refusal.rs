//! [`Refusal`]: the reason for which a statement does not run on a tenant connection.

use std::fmt;

/// Reason for which a statement was refused. The text of each says what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A table without a schema that neither `#[tenant]` nor `#[shared]` registered.
    #[error(
        "table {name:?} has no scope{}: mark its entity `#[tenant]` or `#[shared]`, add it with `TenantsBuilder::table`, \
         or write its schema in front of it",
        DidYouMean(similar)
    )]
    UnknownTable {
        /// The table.
        name: String,
        /// A table that is registered, one or two letters off.
        similar: Option<String>,
    },
    /// A table name that is registered in both scopes.
    #[error(
        "table {0:?} is registered in more than one schema: write `\"$tenant\".{0}` or the shared schema \
         in front of it"
    )]
    AmbiguousTable(String),
    /// A type without a schema that is neither PostgreSQL's own nor registered.
    #[error(
        "type {0:?} has no scope: mark its enum `#[tenant]` or `#[shared]`, add a domain or a composite type with \
         `TenantsBuilder::ty`, or allow its extension with `TenantsBuilder::allow_extension`"
    )]
    UnknownType(String),
    /// A type name that is registered in both scopes.
    #[error("type {0:?} is registered in more than one schema: write the schema in front of it")]
    AmbiguousType(String),
    /// A function that is neither PostgreSQL's own nor registered.
    #[error(
        "function {0:?} has no scope: add it with `TenantsBuilder::function`, allow its extension with \
         `TenantsBuilder::allow_extension`, or write \"$tenant\" in front of it if it is the tenant's"
    )]
    UnknownFunction(String),
    /// A function name that is registered in both scopes.
    #[error("function {0:?} is registered in more than one schema: write the schema in front of it")]
    AmbiguousFunction(String),
    /// An operator that is neither PostgreSQL's own nor of an allowed extension.
    #[error(
        "operator {0} is not PostgreSQL's own: allow its extension with `TenantsBuilder::allow_extension`, or write its \
         schema as in `OPERATOR(public.{0})`"
    )]
    UnknownOperator(String),
    /// A schema of PostgreSQL's catalog, where all tenants are.
    #[error(
        "{name} is in schema {schema:?}, which shows the objects of all tenants: read it on \
         `Tenants::shared_connection`, in `TenantConnection::begin_unguarded`, or use `tenant_core::audit`"
    )]
    SystemSchema {
        /// The name as written.
        name: String,
        /// Its schema.
        schema: String,
    },
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
    /// A part of a query over many tenants ([`Tenants::fan_out`](crate::Tenants::fan_out)) that such a query must not have.
    #[error("{0} is no part of a query over many tenants: {1}")]
    FanOut(&'static str, &'static str),
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
    #[error("the text is no SQL that can be checked: {0}")]
    Unparseable(String),
    /// A part of a statement that was not reviewed.
    #[error(
        "{0:?} is a part of SQL that is not run on a tenant connection, since it was not reviewed: write it in another \
         way, or run the statement in `TenantConnection::begin_unguarded`"
    )]
    Unreviewed(String),
    /// A CREATE, ALTER or DROP on a connection that was not asked for it.
    #[error(
        "CREATE, ALTER and DROP are not run on a tenant connection: write a migration, or use \
         `TenantConnection::for_schema_changes` for SeaORM's schema builder"
    )]
    SchemaChange,
    /// The statement is longer or more complex than is checked.
    #[error("the statement has {size} {unit}, more than the {limit} that are checked: split it")]
    TooLong {
        /// Its size.
        size: usize,
        /// The largest size that is checked.
        limit: usize,
        /// Unit of the size.
        unit: &'static str,
    },
}

/// The question of an error for a name that is a few letters off.
struct DidYouMean<'a>(&'a Option<String>);

impl fmt::Display for DidYouMean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, " (did you mean {name:?}?)"),
            None => Ok(()),
        }
    }
}

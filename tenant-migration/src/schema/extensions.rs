//! Extensions in a schema. A database has an extension once, so none lives in a tenant's schema: the other tenants would be
//! without its types and functions, and would lose their columns of these types when the tenant is dropped.

use sea_orm::{ConnectionTrait, DbErr};
use tenant_core::SchemaName;

use crate::database::{inlined, texts};

/// Number of rows that [`ask`] gives for a schema with extensions. It is larger than the number of all other rows of a message.
pub(super) const EXTENSIONS_FOUND: u64 = 100;

/// Returns a query that gives [`EXTENSIONS_FOUND`] rows if a tenant's schema has an extension, and none otherwise. It is part
/// of a message of other statements, so that the answer needs no round trip.
pub(super) fn ask(schema: &SchemaName) -> Option<String> {
    let sql = format!(
        "SELECT FROM pg_catalog.pg_extension CROSS JOIN pg_catalog.generate_series(1, {EXTENSIONS_FOUND})
        WHERE extnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1)
        LIMIT {EXTENSIONS_FOUND}"
    );
    (!schema.is_shared()).then(|| inlined(&sql, [schema.as_str().into()]))
}

/// Returns the names of the extensions in a schema.
pub(crate) async fn find(db: &impl ConnectionTrait, schema: &SchemaName) -> Result<Vec<String>, DbErr> {
    let sql = "SELECT quote_ident(extname) FROM pg_catalog.pg_extension
        WHERE extnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1) ORDER BY 1";
    texts(db, sql, [schema.as_str().into()]).await
}

//! The version of a tenant's schema, as the catalog has it: the last migration that is applied there. The application
//! asks for it, without reading a ledger.

use sea_orm::{
    DbBackend, ExprTrait,
    sea_query::{Alias, Expr, Func, Query},
};
use tenant_core::{SHARED_SCHEMA, SchemaName, catalog::tenant};

/// The statement that says which version a schema has.
pub(crate) fn record(schema: &SchemaName, version: Option<&str>) -> String {
    // As the index of the table has it.
    let name = Func::lower(Expr::col(tenant::Column::SchemaName));
    let update = Query::update()
        .table((Alias::new(SHARED_SCHEMA), tenant::Entity))
        .value(tenant::Column::Version, version)
        .and_where(Expr::expr(name).eq(schema.as_str().to_ascii_lowercase()))
        .to_owned();
    DbBackend::Postgres.build(&update).to_string()
}

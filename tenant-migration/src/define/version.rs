//! The version of a tenant's schema, as the catalog has it: the last migration that is applied there. The application
//! asks for it, without reading a ledger.

use sea_orm::{
    DbBackend,
    sea_query::{Alias, Query},
};
use tenant_core::{SHARED_SCHEMA, SchemaName, catalog::tenant};

use crate::define::catalog::is_called;

/// The statement that says which version a schema has.
pub(crate) fn record(schema: &SchemaName, version: Option<&str>) -> String {
    let update = Query::update()
        .table((Alias::new(SHARED_SCHEMA), tenant::Entity))
        .value(tenant::Column::Version, version)
        .and_where(is_called(tenant::Column::SchemaName, schema))
        .to_owned();
    DbBackend::Postgres.build(&update).to_string()
}

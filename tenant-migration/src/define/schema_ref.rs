//! [`SchemaRef`]: a schema and its migrations.

use tenant_core::SchemaName;

use crate::define::{
    ledger::Ledger,
    migrations::{MigrationSet, Migrations},
};

/// A schema, and the kind of the tenant whose it is. The shared schema has none.
#[derive(Clone, Copy)]
pub(crate) struct SchemaRef<'a> {
    pub(crate) schema: &'a SchemaName,
    pub(crate) kind: Option<&'a str>,
}

impl<'a> SchemaRef<'a> {
    /// Its migrations.
    pub(crate) fn set(self, migrations: &'a Migrations) -> &'a MigrationSet {
        migrations.set(self.kind)
    }

    pub(crate) fn ledger(self, migrations: &'a Migrations) -> Ledger<'a> {
        self.set(migrations).ledger_of(self.schema)
    }
}

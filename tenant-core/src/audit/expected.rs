//! [`Expected`]: the state that an audit compares the database with.

use std::collections::BTreeSet;

use crate::{
    catalog,
    registry::{Registry, RegistryError},
    schema_name::{SHARED_SCHEMA, SchemaName},
    tenants::Tenants,
};

/// Default name of a ledger.
pub const DEFAULT_LEDGER: &str = "seaql_migrations";

/// The state that an audit compares the database with: the entities, the schemas that belong to no tenant, the names of
/// the ledgers.
///
/// # Example
/// ```
/// use tenant_core::{SchemaName, audit::Expected};
///
/// let expected = Expected::of_program()?.allow_schema(&SchemaName::new("extensions")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "it is compared with a database by `audit`"]
pub struct Expected {
    registry: Registry,
    schemas: BTreeSet<String>,
    ledgers: BTreeSet<String>,
}

impl Expected {
    /// Takes the entities and enums that `#[tenant]` and `#[shared]` registered anywhere in this program.
    ///
    /// # Errors
    /// [`RegistryError`] where an annotated item cannot work.
    pub fn of_program() -> Result<Self, RegistryError> {
        Registry::collect().map(Self::new)
    }

    /// Takes the entities of an application's handle, and what its configuration adds.
    pub fn of(tenants: &Tenants) -> Self {
        let rules = tenants.rules();
        let mut expected = Self::new(rules.registry().clone());
        expected.schemas.extend(not_public(rules.schemas()));
        expected
    }

    /// Takes these tables and types. With an empty registry, tables and types are not compared.
    pub fn new(registry: Registry) -> Self {
        let schemas = not_public(registry.shared_schemas()).collect();
        Self {
            registry,
            schemas,
            ledgers: [DEFAULT_LEDGER.to_owned()].into(),
        }
    }

    /// Leaves out entities and enums, so that tables and types are not compared.
    pub fn without_entities(mut self) -> Self {
        self.registry = Registry::default();
        self
    }

    /// Adds a schema that belongs to no tenant, such as a schema of extensions.
    pub fn allow_schema(mut self, schema: &SchemaName) -> Self {
        if !schema.is_shared() {
            self.schemas.insert(schema.as_str().to_owned());
        }
        self
    }

    /// Adds a name of ledgers, besides [`DEFAULT_LEDGER`].
    pub fn ledger(mut self, table: impl Into<String>) -> Self {
        self.ledgers.insert(table.into());
        self
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The schemas that statements of every tenant may name, the shared one apart.
    pub(super) fn schemas(&self) -> impl Iterator<Item = &str> {
        self.schemas.iter().map(String::as_str)
    }

    pub(super) fn is_ledger(&self, table: &str) -> bool {
        self.ledgers.contains(table)
    }

    /// True if anything but the catalog's own entities is registered.
    pub(super) fn has_entities(&self) -> bool {
        let is_own = |(name, _): (&str, Option<&str>)| !catalog::TABLES.contains(&name);
        self.registry.table_homes().any(is_own) || self.registry.type_homes().next().is_some()
    }
}

fn not_public<'a>(schemas: impl Iterator<Item = &'a str>) -> impl Iterator<Item = String> {
    schemas
        .filter(|schema| *schema != SHARED_SCHEMA)
        .map(str::to_owned)
}

//! [`Rules`]: what a statement may name.

use std::collections::BTreeSet;

use crate::{
    error::RegistryError,
    registry::{Registry, SHARED_SCHEMA},
    schema_name::SchemaName,
};

/// What a statement may name: the registered tables and types, and what the configuration allows.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    registry: Registry,
    schemas: BTreeSet<String>,
    types: BTreeSet<String>,
}

impl Rules {
    /// The tables and types of `registry`, and the schemas it shares.
    pub(crate) fn new(registry: Registry) -> Self {
        let shared = registry.shared_schemas().map(str::to_owned);
        let schemas = shared.chain([SHARED_SCHEMA.to_owned()]).collect();
        Self {
            registry,
            schemas,
            types: BTreeSet::new(),
        }
    }

    /// The rules of everything that is annotated in this program.
    pub(crate) fn collect() -> Result<Self, RegistryError> {
        Registry::collect().map(Self::new)
    }

    pub(crate) fn allow_schema(&mut self, schema: &SchemaName) {
        self.schemas.insert(schema.as_str().to_owned());
    }

    pub(crate) fn allow_type(&mut self, name: &str) {
        self.types.insert(name.to_owned());
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn registry_mut(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// The schemas that statements may name, the shared one among them.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = &str> {
        self.schemas.iter().map(String::as_str)
    }

    pub(crate) fn allows_schema(&self, schema: &str) -> bool {
        self.schemas.contains(schema)
    }

    pub(super) fn allows_type(&self, name: &str) -> bool {
        self.types.contains(name)
    }
}

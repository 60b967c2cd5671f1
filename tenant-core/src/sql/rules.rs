//! [`Rules`]: the names that a statement may have in it.

use std::collections::BTreeSet;

use super::extensions::Extensions;
use crate::{
    registry::{Registry, RegistryError},
    schema_name::{SHARED_SCHEMA, SchemaName},
};

/// Rules for statements: the registered tables, types and functions, and what the configuration allows.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    registry: Registry,
    schemas: BTreeSet<String>,
    extensions: Extensions,
}

impl Rules {
    /// The tables and types of `registry`, and the schemas it shares.
    pub(crate) fn new(registry: Registry) -> Self {
        let shared = registry.shared_schemas().map(str::to_owned);
        let schemas = shared.chain([SHARED_SCHEMA.to_owned()]).collect();
        Self {
            registry,
            schemas,
            extensions: Extensions::default(),
        }
    }

    /// The rules of everything that is annotated in this program.
    pub(crate) fn collect() -> Result<Self, RegistryError> {
        Registry::collect().map(Self::new)
    }

    pub(crate) fn allow_schema(&mut self, schema: &SchemaName) {
        self.schemas.insert(schema.as_str().to_owned());
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    pub(crate) fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
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
}

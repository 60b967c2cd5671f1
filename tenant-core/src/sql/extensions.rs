//! [`Extensions`]: functions, types and operators of the extensions that the configuration allows.

use std::collections::{BTreeMap, BTreeSet};

use super::{builtin, refusal::Refusal};

/// Objects of allowed extensions, by their names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extensions {
    functions: BTreeMap<String, Member>,
    types: BTreeMap<String, Member>,
    /// Schemas of operators.
    operators: BTreeMap<String, String>,
}

/// An object of an extension.
#[derive(Debug, Clone)]
struct Member {
    extension: String,
    schema: String,
}

impl Extensions {
    /// Adds a function of an extension, with its schema.
    pub(crate) fn add_function(&mut self, extension: &str, schema: &str, name: &str) {
        self.functions
            .insert(name.to_owned(), Member::new(extension, schema));
    }

    /// Adds a type of an extension, with its schema.
    pub(crate) fn add_type(&mut self, extension: &str, schema: &str, name: &str) {
        self.types.insert(name.to_owned(), Member::new(extension, schema));
    }

    /// Adds an operator of an extension, with its schema. Without it, PostgreSQL looks on the session's `search_path`.
    pub(crate) fn add_operator(&mut self, schema: &str, name: &str) {
        self.operators.insert(name.to_owned(), schema.to_owned());
    }

    /// The schemas that extensions have something in.
    pub(crate) fn schemas(&self) -> BTreeSet<&str> {
        let members = self.functions.values().chain(self.types.values());
        let schemas = members
            .map(|member| &member.schema)
            .chain(self.operators.values());
        schemas.map(String::as_str).collect()
    }

    /// Returns the schema of a function, if an allowed extension has it, and refuses one that leaves the tenant.
    pub(super) fn function(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let Some(member) = self.functions.get(name) else {
            return Ok(None);
        };
        builtin::check_extension_function(&member.extension, &member.schema, name)?;
        Ok(Some(&member.schema))
    }

    /// Returns the schema of a type, if an allowed extension has it.
    pub(super) fn data_type(&self, name: &str) -> Option<&str> {
        self.types.get(name).map(|member| member.schema.as_str())
    }

    /// Returns the schema of an operator, if an allowed extension has it.
    pub(super) fn operator(&self, name: &str) -> Option<&str> {
        self.operators.get(name).map(String::as_str)
    }
}

impl Member {
    fn new(extension: &str, schema: &str) -> Self {
        Self {
            extension: extension.to_owned(),
            schema: schema.to_owned(),
        }
    }
}

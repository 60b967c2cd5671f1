//! [`Registry`]: the tables, types and functions that have a scope.

use std::collections::BTreeMap;

use sea_orm::{
    ActiveEnum, EntityTrait, Iterable as _, RelationTrait as _,
    sea_query::{TableName, TableRef},
};

use crate::schema_name::{MAX_IDENTIFIER_BYTES, SHARED_SCHEMA, TENANT_MARKER};

/// Scope of a table or a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Once in the schema of every tenant.
    Tenant,
    /// Once, in the shared schema.
    Shared,
}

/// Marks an entity that `#[tenant]` put into the tenant's schema.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tenant entity",
    label = "`{Self}` is not marked `#[tenant]`",
    note = "write `#[tenant]` above the entity's `#[derive(DeriveEntityModel)]`"
)]
pub trait TenantEntity: EntityTrait {}

/// Marks an entity that `#[shared]` put into the shared schema.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a shared entity",
    label = "`{Self}` is not marked `#[shared]`",
    note = "a foreign key of a shared table can only point to another shared table: tenant tables exist once per tenant",
    note = "turn the relation around, or mark both entities `#[shared]`"
)]
pub trait SharedEntity: EntityTrait {}

/// Marks an enum whose PostgreSQL type `#[tenant]` put into the tenant's schema.
pub trait TenantEnum: ActiveEnum {}

/// Marks an enum whose PostgreSQL type `#[shared]` put into the shared schema.
pub trait SharedEnum: ActiveEnum {}

/// One annotated item. The macros submit it; an application does not.
#[derive(Debug)]
pub struct Registration {
    scope: Scope,
    item: &'static str,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Table {
        name: fn() -> Name,
        foreign_keys: fn() -> Vec<String>,
    },
    Type {
        name: fn() -> String,
        schema: Option<&'static str>,
    },
}

#[derive(Debug)]
struct Name {
    table: String,
    schema: Option<String>,
}

inventory::collect!(Registration);

impl Registration {
    /// Registers the table of entity `E`; `item` is its path in the source, for error messages.
    #[must_use]
    pub const fn table<E: EntityTrait>(scope: Scope, item: &'static str) -> Self {
        Self {
            scope,
            item,
            kind: Kind::Table {
                name: table_name::<E>,
                foreign_keys: foreign_keys::<E>,
            },
        }
    }

    /// Registers the PostgreSQL type of enum `A`, with `schema` if it is not the default of its scope.
    #[must_use]
    pub const fn enum_type<A: ActiveEnum>(
        scope: Scope,
        item: &'static str,
        schema: Option<&'static str>,
    ) -> Self {
        Self {
            scope,
            item,
            kind: Kind::Type {
                name: type_name::<A>,
                schema,
            },
        }
    }
}

fn table_name<E: EntityTrait>() -> Name {
    let entity = E::default();
    Name {
        table: entity.table_name().to_owned(),
        schema: entity.schema_name().map(str::to_owned),
    }
}

fn type_name<A: ActiveEnum>() -> String {
    A::name().to_string()
}

/// Returns the tenant tables that the foreign keys of `E` reference.
fn foreign_keys<E: EntityTrait>() -> Vec<String> {
    E::Relation::iter()
        .map(|relation| relation.def())
        .filter(|def| !def.is_owner && !def.skip_fk)
        .filter_map(|def| tenant_table(&def.to_tbl))
        .collect()
}

fn tenant_table(table: &TableRef) -> Option<String> {
    let TableRef::Table(TableName(Some(schema), table), _) = table else {
        return None;
    };
    (schema.1.to_string() == TENANT_MARKER).then(|| table.to_string())
}

/// An annotated entity or enum that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// A shared entity has a foreign key to a tenant table.
    #[error(
        "shared entity `{item}` has a foreign key to tenant table {table:?}, which exists once per tenant: \
         turn the relation around, or mark both entities `#[shared]`"
    )]
    SharedReferencesTenant {
        /// The path of the entity.
        item: &'static str,
        /// The tenant table.
        table: String,
    },
    /// A name is longer than the 63 bytes that PostgreSQL keeps.
    #[error("the name {name:?} is longer than the {MAX_IDENTIFIER_BYTES} bytes PostgreSQL keeps")]
    NameTooLong {
        /// The name.
        name: String,
    },
}

/// Tables, types and functions that have a scope: those that the macros registered, and those that the configuration
/// adds, such as views.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    tables: BTreeMap<String, Vec<Home>>,
    types: BTreeMap<String, Vec<Home>>,
    functions: BTreeMap<String, Vec<Home>>,
}

/// Result of looking a name up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup<'a> {
    /// In the tenant's schema.
    Tenant,
    /// In this shared schema.
    Shared(&'a str),
    /// In more than one schema.
    Ambiguous,
    /// Not registered.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Home {
    Tenant,
    Shared(String),
}

impl Registry {
    /// Collects what `#[tenant]` and `#[shared]` registered anywhere in this program.
    ///
    /// # Errors
    /// [`RegistryError`] if an annotated item cannot work, such as a shared entity with a foreign key
    /// to a tenant table.
    pub fn collect() -> Result<Self, RegistryError> {
        let mut registry = Self::default();
        for registration in inventory::iter::<Registration> {
            registry.register(registration)?;
        }
        Ok(registry)
    }

    /// Adds a table or view that has no entity.
    ///
    /// # Errors
    /// [`RegistryError::NameTooLong`].
    pub fn add_table(&mut self, scope: Scope, name: &str) -> Result<(), RegistryError> {
        insert(&mut self.tables, name, home(scope, None))
    }

    /// Adds a type that has no enum.
    ///
    /// # Errors
    /// [`RegistryError::NameTooLong`].
    pub fn add_type(&mut self, scope: Scope, name: &str) -> Result<(), RegistryError> {
        insert(&mut self.types, name, home(scope, None))
    }

    /// Adds a function. The caller vouches that it keeps to the tenant and does not change the session.
    ///
    /// # Errors
    /// [`RegistryError::NameTooLong`].
    pub fn add_function(&mut self, scope: Scope, name: &str) -> Result<(), RegistryError> {
        insert(&mut self.functions, name, home(scope, None))
    }

    /// Returns the registered tables with their scopes, in the order of their names. A name in both scopes comes twice.
    pub fn tables(&self) -> impl Iterator<Item = (&str, Scope)> {
        self.tables.iter().flat_map(|(name, homes)| {
            homes.iter().map(|home| match home {
                Home::Tenant => (name.as_str(), Scope::Tenant),
                Home::Shared(_) => (name.as_str(), Scope::Shared),
            })
        })
    }

    /// Returns the registered tables with their shared schema. `None` stands for the tenant's schema.
    pub(crate) fn table_homes(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        homes(&self.tables)
    }

    /// Returns the registered enum types with their shared schema, in the same way.
    pub(crate) fn type_homes(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        homes(&self.types)
    }

    /// Returns the schemas other than `public` that `#[shared(schema = "...")]` names.
    pub(crate) fn shared_schemas(&self) -> impl Iterator<Item = &str> {
        let homes = self.tables.values().chain(self.types.values()).flatten();
        homes.filter_map(|home| match home {
            Home::Tenant => None,
            Home::Shared(schema) => Some(schema.as_str()),
        })
    }

    /// Returns the enum types that are only shared, by their schemas.
    #[cfg(feature = "schema-sync")]
    pub(crate) fn shared_enums(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut enums: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, homes) in &self.types {
            if let [Home::Shared(schema)] = homes.as_slice() {
                enums.entry(schema).or_default().push(name);
            }
        }
        enums
    }

    pub(crate) fn table(&self, name: &str) -> Lookup<'_> {
        lookup(&self.tables, name)
    }

    pub(crate) fn enum_type(&self, name: &str) -> Lookup<'_> {
        lookup(&self.types, name)
    }

    pub(crate) fn function(&self, name: &str) -> Lookup<'_> {
        lookup(&self.functions, name)
    }

    fn register(&mut self, registration: &Registration) -> Result<(), RegistryError> {
        match &registration.kind {
            Kind::Table { name, foreign_keys } => {
                if registration.scope == Scope::Shared {
                    refuse_tenant_references(registration.item, foreign_keys())?;
                }
                let Name { table, schema } = name();
                let home = home(registration.scope, schema.as_deref());
                insert(&mut self.tables, &table, home)
            }
            Kind::Type { name, schema } => {
                insert(&mut self.types, &name(), home(registration.scope, *schema))
            }
        }
    }
}

fn home(scope: Scope, schema: Option<&str>) -> Home {
    match scope {
        Scope::Tenant => Home::Tenant,
        Scope::Shared => Home::Shared(schema.unwrap_or(SHARED_SCHEMA).to_owned()),
    }
}

fn refuse_tenant_references(item: &'static str, tables: Vec<String>) -> Result<(), RegistryError> {
    match tables.into_iter().next() {
        Some(table) => Err(RegistryError::SharedReferencesTenant { item, table }),
        None => Ok(()),
    }
}

fn insert(names: &mut BTreeMap<String, Vec<Home>>, name: &str, home: Home) -> Result<(), RegistryError> {
    if name.len() > MAX_IDENTIFIER_BYTES {
        return Err(RegistryError::NameTooLong {
            name: name.to_owned(),
        });
    }
    let homes = names.entry(name.to_owned()).or_default();
    if !homes.contains(&home) {
        homes.push(home);
    }
    Ok(())
}

fn homes(names: &BTreeMap<String, Vec<Home>>) -> impl Iterator<Item = (&str, Option<&str>)> {
    names.iter().flat_map(|(name, homes)| {
        homes.iter().map(|home| match home {
            Home::Tenant => (name.as_str(), None),
            Home::Shared(schema) => (name.as_str(), Some(schema.as_str())),
        })
    })
}

fn lookup<'a>(names: &'a BTreeMap<String, Vec<Home>>, name: &str) -> Lookup<'a> {
    match names.get(name).map(Vec::as_slice) {
        None | Some([]) => Lookup::Unknown,
        Some([Home::Tenant]) => Lookup::Tenant,
        Some([Home::Shared(schema)]) => Lookup::Shared(schema),
        Some(_) => Lookup::Ambiguous,
    }
}

/// Two entities may stand for one table, but only in one scope; an enum may share its name with a table.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_both_scopes_is_ambiguous() {
        let mut registry = Registry::default();
        registry.add_table(Scope::Tenant, "note").unwrap();
        registry.add_table(Scope::Tenant, "note").unwrap();
        assert_eq!(registry.table("note"), Lookup::Tenant);
        registry.add_table(Scope::Shared, "note").unwrap();
        assert_eq!(registry.table("note"), Lookup::Ambiguous);
        assert_eq!(registry.table("other"), Lookup::Unknown);
        assert_eq!(registry.enum_type("note"), Lookup::Unknown);
    }

    #[test]
    fn a_name_that_postgresql_would_cut_is_refused() {
        let mut registry = Registry::default();
        assert!(registry.add_table(Scope::Tenant, &"n".repeat(64)).is_err());
    }
}

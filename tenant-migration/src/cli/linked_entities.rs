//! The entities that are linked into the program. `audit` and `tenant sql` know tables by them.

use tenant_core::{__private::CATALOG_TABLES, Registry};

/// Hint for a program without entities.
pub(super) const NO_ENTITIES: &str = "This program has no entities: add the entity crate to the dependencies of the \
    migration crate, and `use entity as _;` to its lib.rs.";

/// True if the program has entities of its own. Each program has those of the catalog.
pub(super) fn has_entities() -> bool {
    Registry::collect().is_ok_and(|registry| {
        let mut tables = registry.tables();
        tables.any(|(name, _)| !CATALOG_TABLES.contains(&name))
    })
}

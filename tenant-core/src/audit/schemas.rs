//! [`Schemas`]: the schemas of the database and their owners.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::FromQueryResult;

use super::expected::Expected;
use crate::schema_name::SHARED_SCHEMA;

/// A schema of the database.
#[derive(Debug, FromQueryResult)]
pub(super) struct Namespace {
    pub(super) name: String,
    /// True if it holds an extension, or is a member of one.
    pub(super) has_extension: bool,
    pub(super) everyone_creates: bool,
}

pub(super) const QUERY: &str = "
SELECT nspname::text AS name,
    EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extnamespace = space.oid)
    OR EXISTS (
        SELECT FROM pg_catalog.pg_depend
        WHERE classid = 'pg_namespace'::regclass AND objid = space.oid AND deptype = 'e'
    ) AS has_extension,
    EXISTS (
        SELECT FROM aclexplode(coalesce(nspacl, acldefault('n', nspowner)))
        WHERE grantee = 0 AND privilege_type = 'CREATE'
    ) AS everyone_creates
FROM pg_catalog.pg_namespace AS space
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'";

/// An extension and its schema.
#[derive(Debug, FromQueryResult)]
pub(super) struct Extension {
    pub(super) name: String,
    pub(super) schema: String,
}

pub(super) const EXTENSIONS: &str = "
SELECT quote_ident(extname) AS name, nspname::text AS schema
FROM pg_catalog.pg_extension JOIN pg_catalog.pg_namespace AS space ON space.oid = extnamespace";

/// Owner of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Tenant,
    /// The shared schema, an allowed schema, or a schema of extensions.
    Shared,
    Unknown,
}

/// The schemas of the database and of the catalog.
#[derive(Debug)]
pub(super) struct Schemas {
    /// Schemas of the catalog, without the public tenant's.
    pub(super) tenants: BTreeSet<String>,
    pub(super) namespaces: BTreeMap<String, Namespace>,
    shared: BTreeSet<String>,
}

impl Schemas {
    pub(super) fn new(catalog: Vec<String>, namespaces: Vec<Namespace>, expected: &Expected) -> Self {
        let tenants: BTreeSet<_> = catalog.into_iter().filter(|name| name != SHARED_SCHEMA).collect();
        let with_extensions = namespaces.iter().filter(|space| space.has_extension);
        let shared = with_extensions
            .map(|space| space.name.as_str())
            .chain(expected.schemas())
            .chain([SHARED_SCHEMA])
            .filter(|name| !tenants.contains(*name))
            .map(str::to_owned)
            .collect();
        Self {
            tenants,
            namespaces: namespaces
                .into_iter()
                .map(|space| (space.name.clone(), space))
                .collect(),
            shared,
        }
    }

    pub(super) fn owner(&self, schema: &str) -> Owner {
        if self.tenants.contains(schema) {
            Owner::Tenant
        } else if self.shared.contains(schema) {
            Owner::Shared
        } else {
            Owner::Unknown
        }
    }

    /// Returns the schemas that anything may refer to.
    pub(super) fn shared(&self) -> impl Iterator<Item = &str> {
        self.shared.iter().map(String::as_str)
    }

    /// Returns the tenants whose schema exists.
    pub(super) fn present_tenants(&self) -> impl Iterator<Item = &str> {
        let names = self.tenants.iter().map(String::as_str);
        names.filter(|name| self.namespaces.contains_key(*name))
    }

    /// Returns a tenant whose name is equal ignoring case.
    pub(super) fn tenant_like(&self, schema: &str) -> Option<&str> {
        let mut names = self.tenants.iter().map(String::as_str);
        names.find(|name| name.eq_ignore_ascii_case(schema))
    }
}

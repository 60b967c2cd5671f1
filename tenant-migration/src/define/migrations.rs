//! [`Migrations`]: what is defined, for the shared schema and for the tenants.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::Arc,
};

use sea_orm_migration::{MigrationTrait, MigratorTraitSelf};
use tenant_core::{SchemaName, SchemaVersions, Scope};

use crate::define::{
    function_search_path::set_function_search_path, hooks::TenantHooks, ledger::Ledger,
    tenant_roles::TenantRoles,
};

/// The migrations of an application: those of the shared schema and those of every tenant's. Cheap to clone.
///
/// # Example
/// ```
/// # use sea_orm_migration::prelude::*;
/// # struct Shared;
/// # impl MigratorTrait for Shared {
/// #     fn migrations() -> Vec<Box<dyn MigrationTrait>> { tenant_migration::catalog::migrations() }
/// # }
/// # struct Tenant;
/// # impl MigratorTrait for Tenant {
/// #     fn migrations() -> Vec<Box<dyn MigrationTrait>> { vec![] }
/// # }
/// use tenant_migration::Migrations;
///
/// let migrations = Migrations::new(Shared, Tenant);
/// assert_eq!(migrations.shared().ledger(), "seaql_migrations");
/// assert_eq!(migrations.tenant().names().count(), 0);
/// ```
#[derive(Clone)]
pub struct Migrations {
    shared: Arc<MigrationSet>,
    tenant: Arc<MigrationSet>,
    /// Of the kinds of tenants that have migrations of their own.
    kinds: Arc<BTreeMap<String, MigrationSet>>,
    hooks: Option<Arc<dyn TenantHooks>>,
    extension_schemas: Arc<[SchemaName]>,
    tenant_roles: Option<Arc<TenantRoles>>,
    sets_function_search_path: bool,
    #[cfg(feature = "cli")]
    for_tenants: Arc<super::tasks::ForTenants>,
}

impl Migrations {
    /// Puts two migrators of SeaORM together. The shared one includes
    /// [`catalog::migrations`](crate::catalog::migrations).
    #[expect(
        clippy::needless_pass_by_value,
        reason = "`sea_orm_migration::cli::run_cli` takes one like this"
    )]
    pub fn new(shared: impl MigratorTraitSelf, tenant: impl MigratorTraitSelf) -> Self {
        Self {
            shared: Arc::new(MigrationSet::new(&shared)),
            tenant: Arc::new(MigrationSet::new(&tenant)),
            kinds: Arc::default(),
            hooks: None,
            extension_schemas: Arc::default(),
            tenant_roles: None,
            sets_function_search_path: true,
            #[cfg(feature = "cli")]
            for_tenants: Arc::default(),
        }
    }

    /// Gives the tenants of a kind migrations of their own, in the place of those of all others. What both have in common
    /// is for the two migrators to share.
    ///
    /// The kind of a tenant is then not to be changed: its schema has what was made for the old one.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "as `new` takes them")]
    pub fn for_kind(mut self, kind: impl Into<String>, migrator: impl MigratorTraitSelf) -> Self {
        let set = MigrationSet::new(&migrator);
        Arc::make_mut(&mut self.kinds).insert(kind.into(), set);
        self
    }

    /// Lets the application do something before and after the migrations of each tenant.
    #[must_use]
    pub fn with_hooks(mut self, hooks: impl TenantHooks) -> Self {
        self.hooks = Some(Arc::new(hooks));
        self
    }

    /// Lets migrations use what is in these schemas without naming them, such as the types and functions of
    /// extensions.
    ///
    /// A database has an extension once, so a migration of the shared schema creates it:
    /// `CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions`. One that ends up in a tenant's schema is refused
    /// ([`SchemaError::HasExtension`](crate::SchemaError::HasExtension)).
    ///
    /// An extension in `public` is better named in full (`public.citext`), or moved
    /// (`ALTER EXTENSION citext SET SCHEMA extensions`): with `public` here, a tenant's migration that
    /// drops or alters a table the tenant does not have reaches the shared one of that name.
    #[must_use]
    pub fn with_extension_schemas(mut self, schemas: impl IntoIterator<Item = SchemaName>) -> Self {
        self.extension_schemas = schemas.into_iter().collect();
        self
    }

    /// Makes a role for every tenant, with rights in its own schema only. Without this, none is made.
    #[must_use]
    pub fn with_tenant_roles(mut self, roles: TenantRoles) -> Self {
        self.tenant_roles = Some(Arc::new(roles));
        self
    }

    /// Gives functions and procedures of a tenant's schema a `search_path` if they have none. It is done after the
    /// migrations of the tenant, in the same transaction. Default: `true`.
    ///
    /// PostgreSQL looks up the names in a function's body on the `search_path` of whoever calls it, and an
    /// application stands in no tenant's schema: a trigger that writes to `log` would not find it, or find another
    /// one. So it gets what the migrations ran with, and no caller's temporary tables: the tenant's schema, those
    /// of [`with_extension_schemas`](Self::with_extension_schemas), and `pg_temp` at the end. As in migrations,
    /// shared tables are named in full (`public.plan`).
    ///
    /// Remaining as they are: functions with a `search_path` of their own, with a `BEGIN ATOMIC` body, in C, of an
    /// extension, of another owner; and procedures that seem to end transactions, which PostgreSQL does not allow
    /// those with a `search_path`. A function in SQL with a `search_path` is not inlined into queries; write its
    /// body as `BEGIN ATOMIC` where that matters. A schema where nothing is pending is not looked at:
    /// [`tenant_core::audit`] finds what is left.
    #[must_use]
    pub fn set_function_search_path(mut self, sets_function_search_path: bool) -> Self {
        self.sets_function_search_path = sets_function_search_path;
        self
    }

    /// The migrations of the shared schema.
    #[must_use]
    pub fn shared(&self) -> &MigrationSet {
        &self.shared
    }

    /// The migrations of every tenant's schema.
    #[must_use]
    pub fn tenant(&self) -> &MigrationSet {
        &self.tenant
    }

    /// The migrations of tenants of a kind: those of every tenant's, if it has none of its own.
    #[must_use]
    pub fn of_kind(&self, kind: &str) -> &MigrationSet {
        self.kinds.get(kind).unwrap_or(&self.tenant)
    }

    /// Returns the versions that an application expects of the schemas of its tenants, for
    /// [`TenantsBuilder::expect_versions`](tenant_core::TenantsBuilder::expect_versions).
    #[must_use]
    pub fn versions(&self) -> SchemaVersions {
        let all = SchemaVersions::new(self.tenant.names().map(ToString::to_string));
        self.kinds.iter().fold(all, |versions, (kind, set)| {
            versions.with_kind(kind, set.names().map(ToString::to_string))
        })
    }

    /// The migrations of a schema, by the kind of its tenant. The shared schema has none.
    pub(crate) fn set(&self, kind: Option<&str>) -> &MigrationSet {
        kind.map_or(&self.shared, |kind| self.of_kind(kind))
    }

    /// All sets, with the kind whose they are, if they are of one.
    pub(crate) fn sets(&self) -> impl Iterator<Item = (Scope, Option<&str>, &MigrationSet)> {
        let all = [
            (Scope::Shared, None, &*self.shared),
            (Scope::Tenant, None, &*self.tenant),
        ];
        let kinds = self.kinds.iter();
        all.into_iter()
            .chain(kinds.map(|(kind, set)| (Scope::Tenant, Some(kind.as_str()), set)))
    }

    pub(crate) fn hooks(&self) -> Option<&dyn TenantHooks> {
        self.hooks.as_deref()
    }

    pub(crate) fn tenant_roles(&self) -> Option<&TenantRoles> {
        self.tenant_roles.as_deref()
    }

    /// Returns the schemas of extensions, for `TenantsBuilder::extension_schemas`:
    /// `builder.extension_schemas(migrations.extension_schemas().iter().cloned())`.
    #[must_use]
    pub fn extension_schemas(&self) -> &[SchemaName] {
        &self.extension_schemas
    }

    #[cfg(feature = "cli")]
    pub(crate) fn for_tenants(&self) -> &super::tasks::ForTenants {
        &self.for_tenants
    }

    #[cfg(feature = "cli")]
    pub(crate) fn for_tenants_mut(&mut self) -> &mut super::tasks::ForTenants {
        Arc::make_mut(&mut self.for_tenants)
    }

    /// The schemas that all tenants use, in their migrations or as their roles.
    pub(crate) fn used_by_all(&self) -> impl Iterator<Item = &SchemaName> {
        let read = self.tenant_roles().map_or(&[][..], |roles| &*roles.read);
        self.extension_schemas.iter().chain(read)
    }

    /// Returns the statement that gives functions of a schema the `search_path` of its migrations. The shared schema has none.
    pub(crate) fn function_search_path(&self, schema: &SchemaName) -> Option<String> {
        let is_set = self.sets_function_search_path && !schema.is_shared();
        is_set.then(|| set_function_search_path(&self.search_path(schema)))
    }

    /// Puts a transaction where migrations of a schema run.
    pub(crate) fn set_path(&self, schema: &SchemaName) -> String {
        format!("SET LOCAL search_path = {}", self.search_path(schema))
    }

    /// Returns the `search_path` of a schema's migrations, as SQL.
    pub(crate) fn search_path(&self, schema: &SchemaName) -> String {
        let schemas = std::iter::once(schema).chain(self.extension_schemas.iter());
        schemas.map(SchemaName::quoted).collect::<Vec<_>>().join(",")
    }
}

impl fmt::Debug for Migrations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migrations")
            .field("shared", &self.shared)
            .field("tenant", &self.tenant)
            .field("kinds", &self.kinds)
            .field("extension_schemas", &self.extension_schemas)
            .field("tenant_roles", &self.tenant_roles)
            .field("sets_function_search_path", &self.sets_function_search_path)
            .finish()
    }
}

/// The migrations of one migrator, in its order, and the table that says which of them were applied.
#[derive(Clone)]
pub struct MigrationSet {
    migrations: Arc<[Definition]>,
    ledger: String,
}

struct Definition {
    name: Arc<str>,
    migration: Box<dyn MigrationTrait>,
}

impl MigrationSet {
    fn new(migrator: &impl MigratorTraitSelf) -> Self {
        let migrations = migrator.migrations().into_iter();
        Self {
            migrations: migrations
                .map(|migration| Definition {
                    name: migration.name().into(),
                    migration,
                })
                .collect(),
            ledger: migrator.migration_table_name().to_string(),
        }
    }

    /// The names of the migrations, in the order in which they are applied.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &Arc<str>> {
        self.migrations.iter().map(|definition| &definition.name)
    }

    /// The last migration: the version of a schema that has all.
    pub(crate) fn newest(&self) -> Option<&Arc<str>> {
        self.names().next_back()
    }

    /// The last of `applied`, in the order of definition: the version of a schema that has these.
    pub(crate) fn version(&self, is_applied: impl Fn(&str) -> bool) -> Option<&Arc<str>> {
        self.names().rev().find(|name| is_applied(name))
    }

    /// The name of the table, in each schema, that says which migrations were applied there.
    #[must_use]
    pub fn ledger(&self) -> &str {
        &self.ledger
    }

    /// The ledger of a schema.
    pub(crate) fn ledger_of<'a>(&'a self, schema: &'a SchemaName) -> Ledger<'a> {
        Ledger {
            schema,
            table: &self.ledger,
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&dyn MigrationTrait> {
        let mut definitions = self.migrations.iter();
        let definition = definitions.find(|definition| &*definition.name == name)?;
        Some(definition.migration.as_ref())
    }

    /// True if a migration runs in a transaction, which is the default on PostgreSQL.
    pub(crate) fn is_transactional(&self, name: &str) -> bool {
        self.get(name)
            .is_none_or(|migration| migration.use_transaction().unwrap_or(true))
    }

    /// A name that two migrations have.
    pub(crate) fn duplicate(&self) -> Option<&Arc<str>> {
        let mut seen = HashSet::new();
        self.names().find(|name| !seen.insert(*name))
    }
}

impl fmt::Debug for MigrationSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MigrationSet")
            .field("ledger", &self.ledger)
            .field("names", &self.names().collect::<Vec<_>>())
            .finish()
    }
}

//! The catalog's own migrations: the tables `tenants`, `domains` and `dropped_tenants` of the shared schema.
//!
//! They belong to the shared migrator, before the application's own.
//!
//! # Example
//! ```
//! use sea_orm_migration::prelude::*;
//!
//! pub struct Migrator;
//!
//! impl MigratorTrait for Migrator {
//!     fn migrations() -> Vec<Box<dyn MigrationTrait>> {
//!         let own: Vec<Box<dyn MigrationTrait>> = vec![];
//!         tenant_migration::catalog::migrations().into_iter().chain(own).collect()
//!     }
//! }
//! ```

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DbErr, ExprTrait,
    sea_query::{Expr, Func, IntoColumnRef},
};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};
use tenant_core::{SHARED_SCHEMA, SchemaName, Tenant, TenantId, catalog::tenant};

use crate::database::{scalar, texts};

/// The migrations that make the catalog. Their names sort before any of today.
#[must_use]
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(Table {
            name: "m20000101_000001_create_tenants",
            create: CREATE_TENANTS,
            drop: "DROP TABLE public.tenants",
        }),
        Box::new(Table {
            name: "m20000101_000002_create_domains",
            create: CREATE_DOMAINS,
            drop: "DROP TABLE public.domains",
        }),
        Box::new(Table {
            name: "m20000101_000003_add_version",
            create: ADD_VERSION,
            drop: DROP_VERSION,
        }),
        Box::new(Table {
            name: "m20000101_000004_create_dropped_tenants",
            create: CREATE_DROPPED_TENANTS,
            drop: "DROP TABLE public.dropped_tenants",
        }),
        Box::new(Table {
            name: "m20000101_000005_index_pending",
            create: INDEX_PENDING,
            drop: "DROP INDEX public.tenants_pending_idx",
        }),
        Box::new(Table {
            name: "m20000101_000006_notify_changes",
            create: NOTIFY_CHANGES,
            drop: DROP_NOTIFY_CHANGES,
        }),
        Box::new(Table {
            name: "m20000101_000007_add_migration_failure",
            create: ADD_MIGRATION_FAILURE,
            drop: "ALTER TABLE public.tenants DROP COLUMN migration_failure",
        }),
    ]
}

/// The constraint that no two tenants' schemas break, whatever their case.
pub(crate) const SCHEMA_NAME_KEY: &str = "tenants_schema_name_key";
/// The constraint that no two tenants' domains break.
pub(crate) const DOMAIN_KEY: &str = "domains_domain_key";

/// In the collation "C", `lower` changes ASCII letters only, as [`SchemaName`] does. In a Turkish database
/// `lower('INITECH')` is `ınıtech` otherwise.
const CREATE_TENANTS: &str = include_str!("catalog/create_tenants.sql");

const CREATE_DOMAINS: &str = include_str!("catalog/create_domains.sql");

/// The version of a tenant's schema, and the statuses of tenants that are nobody's yet or not any more.
const ADD_VERSION: &str = include_str!("catalog/add_version.sql");

const DROP_VERSION: &str = include_str!("catalog/drop_version.sql");

/// The schemas that are gone, dropped or renamed. Their names are not given to others.
const CREATE_DROPPED_TENANTS: &str = include_str!("catalog/create_dropped_tenants.sql");

/// A claim finds a pending schema without reading all tenants.
const INDEX_PENDING: &str =
    "CREATE INDEX tenants_pending_idx ON public.tenants (kind, id) WHERE status = 'pending'";

/// Triggers that send changes to the applications that listen: the id of a tenant, with a domain if a domain changed.
/// `tenants/listener.rs` of `tenant-core` reads it. A transaction that changes the catalog takes PostgreSQL's lock for
/// notifications while it commits; no other transaction does.
const NOTIFY_CHANGES: &str = include_str!("catalog/notify_changes.sql");

const DROP_NOTIFY_CHANGES: &str = include_str!("catalog/drop_notify_changes.sql");

/// The last run of migrations that failed for a tenant: `MigrationFailure` as JSON. Older catalogs lack the column, so queries
/// read it from `to_jsonb(tenants)`. It is no column of the entity, whose queries would fail there.
const ADD_MIGRATION_FAILURE: &str = "ALTER TABLE public.tenants ADD COLUMN migration_failure jsonb";

struct Table {
    name: &'static str,
    create: &'static str,
    drop: &'static str,
}

impl MigrationName for Table {
    fn name(&self) -> &str {
        self.name
    }
}

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait leaves it out, and async_trait tells them apart"
)]
#[async_trait]
impl MigrationTrait for Table {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(self.create).await?;
        Ok(())
    }

    /// Not while there are tenants: nothing else knows which schemas are theirs.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let tenants = lock_tenants(db).await?;
        if !tenants.is_empty() {
            return Err(DbErr::Migration(format!(
                "the catalog is not rolled back while {}: nothing else knows whose the schemas are",
                exist(&tenants),
            )));
        }
        db.execute_unprepared(self.drop).await?;
        Ok(())
    }
}

/// The tenants that have a schema of their own, of which none is made before this transaction ends.
pub(crate) async fn lock_tenants(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    if exists(db).await? {
        let lock = "LOCK TABLE public.tenants IN ACCESS EXCLUSIVE MODE";
        db.execute_unprepared(lock).await?;
    }
    schema_names(db).await
}

/// True if the database has a catalog.
pub(crate) async fn exists(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let found = scalar(db, "SELECT to_regclass('public.tenants') IS NOT NULL", []).await?;
    Ok(found.unwrap_or(false))
}

/// True if the database has a catalog of before it had what this version needs.
pub(crate) async fn is_outdated(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let sql = "SELECT to_regclass('public.tenants') IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass('public.tenants') AND attname = 'version')";
    Ok(scalar(db, sql, []).await?.unwrap_or(false))
}

/// The schemas of all tenants that have one of their own.
pub(crate) async fn schema_names(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    if !exists(db).await? {
        return Ok(Vec::new());
    }
    let sql = "SELECT schema_name FROM public.tenants WHERE schema_name <> $1 ORDER BY schema_name";
    texts(db, sql, [SHARED_SCHEMA.into()]).await
}

/// "tenants acme, globex and 3 more exist"
pub(crate) fn exist(names: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 3;
    let more = names.len().saturating_sub(SHOWN);
    let shown: Vec<_> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    match shown.as_slice() {
        [name] => format!("tenant {name} exists"),
        [names @ .., last] if more == 0 => format!("tenants {} and {last} exist", names.join(", ")),
        names => format!("tenants {} and {more} more exist", names.join(", ")),
    }
}

/// Parses the name of a tenant's schema in the catalog. Its case is the schema's in PostgreSQL.
pub(crate) fn schema_of(name: &str) -> Result<SchemaName, DbErr> {
    let invalid = |error| {
        DbErr::Custom(format!(
            "the catalog has a tenant whose schema cannot be one: {error}"
        ))
    };
    SchemaName::for_tenant(name).map_err(invalid)
}

/// Returns the condition that a column has the name of a schema, in any case.
pub(crate) fn is_called(column: impl IntoColumnRef, schema: &SchemaName) -> Expr {
    Expr::expr(Func::lower(Expr::col(column))).eq(schema.as_str().to_ascii_lowercase())
}

/// A tenant as its row has it, without its domain.
pub(crate) fn tenant_of(row: tenant::Model) -> Result<Tenant, DbErr> {
    let unreadable =
        |error: &dyn std::fmt::Display| DbErr::Custom(format!("tenant {} of the catalog: {error}", row.id));
    let schema = SchemaName::new(&row.schema_name).map_err(|error| unreadable(&error))?;
    let status = row.status.parse().map_err(|error| unreadable(&error))?;
    Ok(Tenant::new(TenantId(row.id), schema, row.name)
        .with_kind(row.kind)
        .with_status(status)
        .with_metadata(row.metadata)
        .with_version(row.version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_tenants_stand_for_many() {
        let names = ["a", "b", "c", "d", "e"];
        assert_eq!(exist(&names[..1]), "tenant a exists");
        assert_eq!(exist(&names[..3]), "tenants a, b and c exist");
        assert_eq!(exist(&names), "tenants a, b, c and 2 more exist");
    }
}

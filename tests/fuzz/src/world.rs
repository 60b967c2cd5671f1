//! The world of the statements: two tenants, their tables and types, and schemas of no tenant.

use std::{
    pin::pin,
    sync::LazyLock,
    task::{Context, Poll, Waker},
};

use sea_orm::{DatabaseConnection, entity::prelude::*};
use tenant_core::{SchemaName, Scope, Tenant, TenantConnection, TenantId, Tenants};

/// The schema of the tenant whose statements are looked at.
pub(crate) const TENANT: &str = "acme";

/// Names that live in a tenant's schema.
pub(crate) const TENANT_NAMES: &[&str] = &["note", "tag", "Odd Name", "fuzz_mood", "total"];

/// The names that live in the shared schema.
pub(crate) const SHARED_NAMES: &[&str] = &["plan", "fuzz_level", SHARED_DOMAIN, "slug"];

/// The shared schema, and the one that the configuration allows.
#[cfg(feature = "postgres-parser")]
pub(crate) const COMMON_SCHEMAS: &[&str] = &["public", "reference"];

/// A domain of all tenants.
const SHARED_DOMAIN: &str = "mail";

/// An enum of each tenant.
#[tenant_core::tenant]
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "fuzz_mood")]
enum Mood {
    /// Good.
    #[sea_orm(string_value = "happy")]
    Happy,
}

/// An enum of all tenants.
#[tenant_core::shared]
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "fuzz_level")]
enum Level {
    /// Low.
    #[sea_orm(string_value = "low")]
    Low,
}

static TENANTS: LazyLock<Tenants> = LazyLock::new(|| {
    let tenants = Tenants::builder()
        .table(Scope::Tenant, "note")
        .table(Scope::Tenant, "tag")
        .table(Scope::Tenant, "Odd Name")
        .table(Scope::Tenant, "both")
        .table(Scope::Shared, "both")
        .table(Scope::Shared, "plan")
        .allow_schema("reference")
        .ty(Scope::Shared, SHARED_DOMAIN)
        .function(Scope::Tenant, "total")
        .function(Scope::Shared, "slug");
    ready(tenants.from_connection(DatabaseConnection::default())).expect("the configuration works")
});

/// The result of a future that waits for nothing.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("there is nothing to wait for"),
    }
}

/// The connection of the tenant in `schema`, for changes of the schema as well. It has no database behind it: statements
/// are only compiled.
pub(crate) fn connection(schema: SchemaName) -> TenantConnection {
    TENANTS
        .connection(&Tenant::new(TenantId(1), schema, "Fuzz"))
        .for_schema_changes()
}

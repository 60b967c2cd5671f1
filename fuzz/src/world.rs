//! What the statements may name: two tenants, their tables and types, and the schemas of nobody.

use std::sync::LazyLock;

use sea_orm::{DatabaseConnection, entity::prelude::*};
use tenant_core::{SchemaName, Scope, Tenant, TenantConnection, TenantId, Tenants};

/// The schema of the tenant whose statements are looked at.
pub(crate) const TENANT: &str = "acme";

/// The names that live in a tenant's schema.
pub(crate) const TENANT_NAMES: &[&str] = &["note", "tag", "Odd Name", "fuzz_mood"];

/// The names that live in the shared schema.
pub(crate) const SHARED_NAMES: &[&str] = &["plan", "fuzz_level"];

/// The shared schema, and the one that the configuration allows.
pub(crate) const COMMON_SCHEMAS: &[&str] = &["public", "reference"];

/// The type that the configuration allows.
pub(crate) const ALLOWED_TYPE: &str = "citext";

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
    Tenants::builder()
        .table(Scope::Tenant, "note")
        .table(Scope::Tenant, "tag")
        .table(Scope::Tenant, "Odd Name")
        .table(Scope::Tenant, "both")
        .table(Scope::Shared, "both")
        .table(Scope::Shared, "plan")
        .allow_schema("reference")
        .allow_type(ALLOWED_TYPE)
        .over(DatabaseConnection::default())
        .expect("the configuration works")
});

/// The connection of the tenant in `schema`. It has no database behind it: statements are only compiled.
pub(crate) fn connection(schema: SchemaName) -> TenantConnection {
    TENANTS.connection(&Tenant::new(TenantId(1), schema, "Fuzz"))
}

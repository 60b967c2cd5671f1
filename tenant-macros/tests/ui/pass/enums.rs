//! Enums that are PostgreSQL types.
#![deny(warnings, missing_docs, unreachable_pub)]
#![forbid(unsafe_code)]

#[path = "../support.rs"]
mod support;

use sea_orm::entity::prelude::*;
use tenant_core::{SharedEnum, TenantEnum, shared, tenant};

#[tenant]
#[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "mood")]
enum Mood {
    #[sea_orm(string_value = "happy")]
    Happy,
}

#[shared]
#[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(
    rs_type = "Enum",
    db_type = "Enum",
    enum_name = "tier",
    rename_all = "snake_case"
)]
enum Tier {
    Free,
}

#[shared(schema = "reference")]
#[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(db_type = "Enum", rename_all = "snake_case")]
enum Unit {
    Metre,
}

mod note {
    use sea_orm::entity::prelude::*;
    use tenant_core::tenant;

    #[tenant]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "note")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) id: i32,
        pub(crate) mood: super::Mood,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {
    fn is_tenant<A: TenantEnum>(_: A) {}
    fn is_shared<A: SharedEnum>(_: A) {}

    is_tenant(Mood::Happy);
    is_shared(Tier::Free);
    is_shared(Unit::Metre);
    for (item, scope, schema) in [
        ("Mood", "scope: Tenant", "schema: None"),
        ("Tier", "scope: Shared", "schema: None"),
        ("Unit", "scope: Shared", r#"schema: Some("reference")"#),
    ] {
        let registrations = support::registrations(item);
        assert_eq!(registrations.len(), 1);
        assert!(
            registrations[0].contains(scope) && registrations[0].contains(schema),
            "{registrations:?}"
        );
    }
    assert_eq!(Mood::name().to_string(), "mood");
    assert_eq!(note::Entity.schema_name(), Some("$tenant"));
    assert_eq!(support::scopes("note"), [tenant_core::Scope::Tenant]);
}

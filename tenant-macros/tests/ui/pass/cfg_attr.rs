//! Models shared with a browser application derive nothing there.
#![deny(warnings, missing_docs, unreachable_pub)]
#![forbid(unsafe_code)]

#[path = "../support.rs"]
mod support;

mod note {
    use sea_orm::entity::prelude::*;

    #[cfg_attr(not(target_family = "wasm"), tenant_core::tenant, sea_orm::model)]
    #[cfg_attr(
        not(target_family = "wasm"),
        derive(DeriveEntityModel),
        sea_orm(table_name = "note")
    )]
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Model {
        #[cfg_attr(not(target_family = "wasm"), sea_orm(primary_key))]
        pub(crate) id: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {
    use sea_orm::EntityName;
    use tenant_core::Scope;

    assert_eq!(note::Entity.schema_name(), Some("$tenant"));
    assert_eq!(support::scopes("note"), [Scope::Tenant]);
    assert_eq!(support::registrations("note::Entity").len(), 1);
}

//! The expanded format: `EntityName` is written by hand.
#![deny(warnings, missing_docs, unreachable_pub)]
#![forbid(unsafe_code)]

#[path = "../support.rs"]
mod support;

mod note {
    use sea_orm::entity::prelude::*;
    use tenant_core::tenant;

    #[derive(Copy, Clone, Debug, Default, DeriveEntity)]
    pub(crate) struct Entity;

    #[tenant]
    impl EntityName for Entity {
        fn table_name(&self) -> &'static str {
            "note"
        }
    }

    #[derive(Clone, Debug, PartialEq, Eq, DeriveModel, DeriveActiveModel)]
    pub(crate) struct Model {
        pub(crate) id: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveColumn)]
    pub(crate) enum Column {
        Id,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DerivePrimaryKey)]
    pub(crate) enum PrimaryKey {
        Id,
    }

    impl PrimaryKeyTrait for PrimaryKey {
        type ValueType = i32;

        fn auto_increment() -> bool {
            true
        }
    }

    impl ColumnTrait for Column {
        type EntityName = Entity;

        fn def(&self) -> ColumnDef {
            match self {
                Self::Id => ColumnType::Integer.def(),
            }
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {
    use sea_orm::EntityName;
    use tenant_core::{Scope, TenantEntity};

    fn is_tenant<E: TenantEntity>(_: E) {}

    is_tenant(note::Entity);
    assert_eq!(note::Entity.schema_name(), Some("$tenant"));
    assert_eq!(note::Entity.table_name(), "note");
    assert_eq!(support::scopes("note"), [Scope::Tenant]);
    assert_eq!(support::registrations("note::Entity").len(), 1);
}

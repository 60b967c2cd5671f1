//! The compact format, with the relations in an enum.
#![deny(warnings, missing_docs, unreachable_pub)]
#![forbid(unsafe_code)]

#[path = "../support.rs"]
mod support;

mod note {
    use sea_orm::entity::prelude::*;
    use tenant_core::tenant;

    #[tenant]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "note")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) id: i32,
        pub(crate) plan_id: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {
        #[sea_orm(
            belongs_to = "super::plan::Entity",
            from = "Column::PlanId",
            to = "super::plan::Column::Id"
        )]
        Plan,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod plan {
    use sea_orm::entity::prelude::*;
    use tenant_core::shared;

    #[derive(Clone, Debug)]
    #[shared]
    #[derive(PartialEq, Eq, sea_orm::DeriveEntityModel)]
    #[sea_orm(table_name = "plan")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) id: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {
    use sea_orm::EntityName;
    use tenant_core::{Scope, SharedEntity, TenantEntity};

    fn is_tenant<E: TenantEntity>(_: E) {}
    fn is_shared<E: SharedEntity>(_: E) {}

    is_tenant(note::Entity);
    is_shared(plan::Entity);
    assert_eq!(note::Entity.schema_name(), Some("$tenant"));
    assert_eq!(plan::Entity.schema_name(), Some("public"));
    assert_eq!(support::scopes("note"), [Scope::Tenant]);
    assert_eq!(support::scopes("plan"), [Scope::Shared]);
    assert_eq!(support::registrations("note::Entity").len(), 1);
    assert_eq!(support::registrations("plan::Entity").len(), 1);
}

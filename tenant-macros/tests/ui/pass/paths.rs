//! The attributes by their path, on public items with documentation.
#![deny(warnings, missing_docs, unreachable_pub)]
#![forbid(unsafe_code)]

#[path = "../support.rs"]
mod support;

pub mod note {
    //! Notes.
    use sea_orm::entity::prelude::*;

    /// A note.
    #[tenant_core::tenant]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "note")]
    pub struct Model {
        /// Its number.
        #[sea_orm(primary_key)]
        pub id: i32,
        /// Its plan.
        pub plan_id: i32,
        /// Its plan.
        #[sea_orm(belongs_to, from = "plan_id", to = "id")]
        pub plan: BelongsTo<super::plan::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod plan {
    //! Plans.
    use sea_orm::entity::prelude::*;

    /// A plan.
    #[sea_orm::model]
    #[::tenant_core::shared(schema = "billing")]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "plan")]
    pub struct Model {
        /// Its number.
        #[sea_orm(primary_key)]
        pub id: i32,
        /// Its notes.
        #[sea_orm(has_many)]
        pub notes: HasMany<super::note::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {
    use sea_orm::EntityName;
    use tenant_core::Scope;

    assert_eq!(note::Entity.schema_name(), Some("$tenant"));
    assert_eq!(plan::Entity.schema_name(), Some("billing"));
    assert_eq!(support::scopes("note"), [Scope::Tenant]);
    assert_eq!(support::scopes("plan"), [Scope::Shared]);
    assert_eq!(support::registrations("note::Entity").len(), 1);
    assert_eq!(support::registrations("plan::Entity").len(), 1);
}

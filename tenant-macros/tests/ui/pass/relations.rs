//! The relations that can be: tenant to shared and back, shared to shared, shared to itself, and shared to tenant
//! without a foreign key.
#![deny(warnings, missing_docs, unreachable_pub)]
#![forbid(unsafe_code)]

#[path = "../support.rs"]
mod support;

mod plan {
    use sea_orm::entity::prelude::*;
    use tenant_core::shared;

    #[shared]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "plan")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) id: i32,
        pub(crate) parent_id: Option<i32>,
        #[sea_orm(self_ref, relation_enum = "Parent", from = "parent_id", to = "id")]
        pub(crate) parent: BelongsTo<Option<Entity>>,
        #[sea_orm(has_many)]
        pub(crate) notes: HasMany<super::note::Entity>,
        #[sea_orm(has_one)]
        pub(crate) price: HasOne<super::price::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod price {
    use sea_orm::entity::prelude::*;
    use tenant_core::shared;

    #[sea_orm::model]
    #[shared]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "price")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) id: i32,
        #[sea_orm(unique)]
        pub(crate) plan_id: i32,
        #[sea_orm(belongs_to, from = "plan_id", to = "id")]
        pub(crate) plan: BelongsTo<super::plan::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
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
        pub(crate) plan_id: Option<i32>,
        #[sea_orm(belongs_to, from = "plan_id", to = "id")]
        pub(crate) plan: BelongsTo<Option<super::plan::Entity>>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod visit {
    use sea_orm::entity::prelude::*;
    use tenant_core::shared;

    #[shared]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "visit")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) id: i32,
        pub(crate) note_id: i32,
        #[sea_orm(belongs_to, from = "note_id", to = "id", skip_fk)]
        pub(crate) note: BelongsTo<super::note::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {
    use sea_orm::{DbBackend, EntityName, EntityTrait, QueryTrait};
    use tenant_core::Scope;

    assert_eq!(note::Entity.schema_name(), Some("$tenant"));
    assert_eq!(plan::Entity.schema_name(), Some("public"));
    assert_eq!(support::scopes("note"), [Scope::Tenant]);
    for table in ["plan", "price", "visit"] {
        assert_eq!(support::scopes(table), [Scope::Shared]);
        assert_eq!(support::registrations(&format!("{table}::Entity")).len(), 1);
    }

    let notes = note::Entity::find().left_join(plan::Entity);
    let sql = notes.build(DbBackend::Postgres).to_string();
    assert!(
        sql.contains(r#"FROM "$tenant"."note" LEFT JOIN "public"."plan""#),
        "{sql}"
    );
    let plans = plan::Entity::find().left_join(note::Entity);
    let sql = plans.build(DbBackend::Postgres).to_string();
    assert!(
        sql.contains(r#"FROM "public"."plan" LEFT JOIN "$tenant"."note""#),
        "{sql}"
    );
}

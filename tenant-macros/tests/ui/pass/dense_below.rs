//! The dense format, `#[tenant]` below `#[sea_orm::model]`.
#![deny(warnings, missing_docs, unreachable_pub)]
#![forbid(unsafe_code)]

#[path = "../support.rs"]
mod support;

mod note {
    use sea_orm::entity::prelude::*;
    use tenant_core::tenant;

    #[sea_orm::model]
    #[tenant]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "note")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) id: i32,
        #[sea_orm(has_many)]
        pub(crate) comments: HasMany<super::comment::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod comment {
    use sea_orm::entity::prelude::*;
    use tenant_core::tenant;

    #[sea_orm::model]
    #[tenant]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(rename_all = "camelCase")]
    #[sea_orm(comment = "what was said", table_name = "comment")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) id: i32,
        pub(crate) note_id: i32,
        #[sea_orm(belongs_to, from = "note_id", to = "id")]
        pub(crate) note: BelongsTo<super::note::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {
    use sea_orm::{DbBackend, EntityName, EntityTrait, QueryTrait};
    use tenant_core::{Scope, TenantEntity};

    fn is_tenant<E: TenantEntity>(_: E) {}

    is_tenant(note::Entity);
    is_tenant(comment::Entity);
    assert_eq!(note::Entity.schema_name(), Some("$tenant"));
    assert_eq!(comment::Entity.schema_name(), Some("$tenant"));
    for table in ["note", "comment"] {
        assert_eq!(support::scopes(table), [Scope::Tenant]);
        assert_eq!(support::registrations(&format!("{table}::Entity")).len(), 1);
    }

    let comments = comment::Entity::find().inner_join(note::Entity);
    let sql = comments.build(DbBackend::Postgres).to_string();
    assert!(
        sql.contains(r#"FROM "$tenant"."comment" INNER JOIN "$tenant"."note""#),
        "{sql}"
    );
}

//! `#[sea_orm::compact_model]`, above and below the attribute. The fields do not tell which relations have a foreign
//! key: the enum does, and the registry reads it.
#![deny(warnings, missing_docs, unreachable_pub)]
#![forbid(unsafe_code)]

#[path = "../support.rs"]
mod support;

mod note {
    use sea_orm::entity::prelude::*;
    use tenant_core::tenant;

    #[tenant]
    #[sea_orm::compact_model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "note")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) id: i32,
        pub(crate) plan_id: i32,
        pub(crate) plan: BelongsTo<super::plan::Entity>,
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

    impl Related<super::plan::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Plan.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Points to a tenant table, without a foreign key.
macro_rules! entity {
    ($name:ident $table:literal #[$first:meta] #[$second:meta]) => {
        mod $name {
            use sea_orm::entity::prelude::*;
            use tenant_core::shared;

            #[$first]
            #[$second]
            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub(crate) struct Model {
                #[sea_orm(primary_key)]
                pub(crate) id: i32,
                pub(crate) note_id: i32,
                pub(crate) note: BelongsTo<super::note::Entity>,
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub(crate) enum Relation {
                #[sea_orm(
                    belongs_to = "super::note::Entity",
                    from = "Column::NoteId",
                    to = "super::note::Column::Id",
                    skip_fk
                )]
                Note,
            }

            impl Related<super::note::Entity> for Entity {
                fn to() -> RelationDef {
                    Relation::Note.def()
                }
            }

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

entity! { plan "plan" #[shared] #[sea_orm::compact_model] }
entity! { visit "visit" #[sea_orm::compact_model] #[shared] }

fn main() {
    use sea_orm::EntityName;
    use tenant_core::Scope;

    assert_eq!(note::Entity.schema_name(), Some("$tenant"));
    assert_eq!(plan::Entity.schema_name(), Some("public"));
    assert_eq!(visit::Entity.schema_name(), Some("public"));
    assert_eq!(support::scopes("note"), [Scope::Tenant]);
    assert_eq!(support::scopes("plan"), [Scope::Shared]);
    assert_eq!(support::scopes("visit"), [Scope::Shared]);
    for item in ["note::Entity", "plan::Entity", "visit::Entity"] {
        assert_eq!(support::registrations(item).len(), 1);
    }
}

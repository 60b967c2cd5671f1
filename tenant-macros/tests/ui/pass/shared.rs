//! `#[shared]` and `#[shared(schema = "...")]`, in every place.
#![deny(warnings, missing_docs, unreachable_pub)]
#![forbid(unsafe_code)]

#[path = "../support.rs"]
mod support;

macro_rules! entity {
    ($name:ident $table:literal $(#[$attr:meta])*) => {
        mod $name {
            use sea_orm::entity::prelude::*;
            use tenant_core::shared;

            $(#[$attr])*
            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub(crate) struct Model {
                #[sea_orm(primary_key)]
                pub(crate) id: i32,
            }

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

entity! { plan "plan" #[shared] #[sea_orm::model] }
entity! { price "price" #[shared()] #[sea_orm::model] }
entity! { country "country" #[shared(schema = "reference")] #[sea_orm::model] }
entity! { city "city" #[sea_orm::model] #[shared(schema = "geo-1",)] }

mod currency {
    use sea_orm::entity::prelude::*;
    use tenant_core::shared;

    #[derive(Copy, Clone, Debug, Default, DeriveEntity)]
    pub(crate) struct Entity;

    #[shared(schema = "reference")]
    impl EntityName for Entity {
        fn table_name(&self) -> &'static str {
            "currency"
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
    use tenant_core::{Scope, SharedEntity};

    fn is_shared<E: SharedEntity>(_: E) {}

    is_shared(plan::Entity);
    is_shared(currency::Entity);
    assert_eq!(plan::Entity.schema_name(), Some("public"));
    assert_eq!(price::Entity.schema_name(), Some("public"));
    assert_eq!(country::Entity.schema_name(), Some("reference"));
    assert_eq!(city::Entity.schema_name(), Some("geo-1"));
    assert_eq!(currency::Entity.schema_name(), Some("reference"));
    for table in ["plan", "price", "country", "city", "currency"] {
        assert_eq!(support::scopes(table), [Scope::Shared]);
        assert_eq!(support::registrations(&format!("{table}::Entity")).len(), 1);
    }
}

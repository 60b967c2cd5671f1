// No foreign key can point to a table that exists once per tenant.

mod note {
    use sea_orm::entity::prelude::*;
    use tenant_core::tenant;

    #[tenant]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "note")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod plan {
    use sea_orm::entity::prelude::*;
    use tenant_core::shared;

    #[shared]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "plan")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub note_id: i32,
        #[sea_orm(belongs_to, from = "note_id", to = "id")]
        pub note: BelongsTo<super::note::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod visit {
    use sea_orm::entity::prelude::*;
    use tenant_core::shared;

    #[sea_orm::model]
    #[shared(schema = "reference")]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "visit")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub note_id: i32,
        #[sea_orm(belongs_to, from = "note_id", to = "id")]
        pub note: BelongsTo<super::note::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod price {
    use sea_orm::entity::prelude::*;
    use tenant_core::shared;

    #[shared]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "price")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub note_id: i32,
        #[sea_orm(belongs_to, from = "note_id", to = "id")]
        pub note: HasOne<crate::note::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod offer {
    use sea_orm::entity::prelude::*;
    use tenant_core::shared;

    #[shared]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "offer")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub note_id: Option<i32>,
        #[sea_orm(belongs_to, from = "note_id", to = "id")]
        pub note: BelongsTo<Option<crate::note::Entity>>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {}

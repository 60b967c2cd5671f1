// One error for each, and none of what uses the entities.

mod note {
    use sea_orm::entity::prelude::*;
    use tenant_core::tenant;

    #[tenant]
    #[tenant_core::shared]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "note")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod plan {
    use sea_orm::entity::prelude::*;
    use tenant_core::shared;

    #[shared]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[tenant_core::tenant]
    #[sea_orm(table_name = "plan")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod comment {
    use sea_orm::entity::prelude::*;
    use tenant_core::tenant;

    #[sea_orm::model]
    #[tenant]
    #[tenant_core::shared(schema = "reference")]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "comment")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod country {
    use sea_orm::entity::prelude::*;
    use tenant_core::shared;

    #[shared(schema = "reference")]
    #[sea_orm::model]
    #[::tenant_core::tenant]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "country")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod city {
    use sea_orm::entity::prelude::*;
    use tenant_core::shared;

    #[shared]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "city")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub country_id: i32,
        #[sea_orm(belongs_to, from = "country_id", to = "id")]
        pub country: BelongsTo<super::country::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {
    use sea_orm::EntityTrait as _;

    let _ = note::Entity::find();
    let _ = plan::Entity::find();
    let _ = comment::Entity::find();
    let _ = country::Entity::find();
    let _ = city::Entity::find();
}

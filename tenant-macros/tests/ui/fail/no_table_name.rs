mod note {
    use sea_orm::entity::prelude::*;
    use tenant_core::tenant;

    #[tenant]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
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

    #[tenant]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod plan {
    use sea_orm::entity::prelude::*;
    use tenant_core::shared;

    #[sea_orm::model]
    #[shared]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(rename_all = "camelCase")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {
    use sea_orm::EntityTrait as _;

    let _ = note::Entity::find();
    let _ = comment::Entity::find();
    let _ = plan::Entity::find();
}

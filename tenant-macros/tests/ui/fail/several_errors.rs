// All that is wrong is said at once.

mod note {
    use sea_orm::entity::prelude::*;
    use tenant_core::tenant;

    #[tenant(schema = "acme")]
    #[sea_orm::model]
    #[tenant_core::shared]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "note", schema_name = "acme")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {
    use sea_orm::EntityTrait as _;

    let _ = note::Entity::find();
}

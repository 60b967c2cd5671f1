//! Entities in SeaORM's three formats (dense, compact, expanded), in the tenant's schema and in the shared schema.

#![allow(
    unreachable_pub,
    reason = "entities are written as an application writes them"
)]

/// Entities with a table in each tenant's schema.
pub(crate) mod tenant {
    /// Dense format, with a relation to itself.
    pub mod author {
        use sea_orm::entity::prelude::*;

        #[tenant_core::tenant]
        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "author")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub id: i32,
            pub name: String,
            pub mentor_id: Option<i32>,
            #[sea_orm(self_ref, relation_enum = "Mentor", from = "mentor_id", to = "id")]
            pub mentor: BelongsTo<Option<Entity>>,
            #[sea_orm(has_many)]
            pub books: HasMany<super::book::Entity>,
        }

        impl ActiveModelBehavior for ActiveModel {}

        /// Link from an author to the authors whose mentor they are.
        pub struct Pupils;

        impl Linked for Pupils {
            type FromEntity = Entity;
            type ToEntity = Entity;

            fn link(&self) -> Vec<RelationDef> {
                vec![Relation::Mentor.def().rev()]
            }
        }
    }

    /// Dense format.
    pub mod book {
        use sea_orm::entity::prelude::*;

        #[tenant_core::tenant]
        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "book")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub id: i32,
            pub author_id: i32,
            pub genre_id: i32,
            #[sea_orm(unique)]
            pub title: String,
            pub pages: i32,
            #[sea_orm(belongs_to, from = "author_id", to = "id")]
            pub author: BelongsTo<super::author::Entity>,
            #[sea_orm(belongs_to, from = "genre_id", to = "id")]
            pub genre: BelongsTo<super::super::shared::genre::Entity>,
            #[sea_orm(has_many, via = "book_tag")]
            pub tags: HasMany<super::tag::Entity>,
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    /// Dense format.
    pub mod tag {
        use sea_orm::entity::prelude::*;

        #[tenant_core::tenant]
        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "tag")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub id: i32,
            pub name: String,
            #[sea_orm(has_many, via = "book_tag")]
            pub books: HasMany<super::book::Entity>,
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    /// Dense format: the junction table of books and tags.
    pub mod book_tag {
        use sea_orm::entity::prelude::*;

        #[tenant_core::tenant]
        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "book_tag")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub book_id: i32,
            #[sea_orm(primary_key, auto_increment = false)]
            pub tag_id: i32,
            #[sea_orm(belongs_to, from = "book_id", to = "id")]
            pub book: BelongsTo<super::book::Entity>,
            #[sea_orm(belongs_to, from = "tag_id", to = "id")]
            pub tag: BelongsTo<super::tag::Entity>,
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    /// Compact format. A dense entity's fields can refer to dense entities only, so both directions are defined here.
    pub mod review {
        use sea_orm::entity::prelude::*;

        #[tenant_core::tenant]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "review")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub id: i32,
            pub book_id: i32,
            pub words: String,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {
            #[sea_orm(
                belongs_to = "super::book::Entity",
                from = "Column::BookId",
                to = "super::book::Column::Id"
            )]
            Book,
        }

        impl Related<super::book::Entity> for Entity {
            fn to() -> RelationDef {
                Relation::Book.def()
            }
        }

        impl Related<Entity> for super::book::Entity {
            fn to() -> RelationDef {
                Relation::Book.def().rev()
            }
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    /// Expanded format.
    pub mod chapter {
        use sea_orm::entity::prelude::*;

        #[tenant_core::tenant]
        #[derive(Copy, Clone, Default, Debug, DeriveEntity)]
        #[sea_orm(table_name = "chapter")]
        pub struct Entity;

        #[derive(Clone, Debug, PartialEq, Eq, DeriveModel, DeriveActiveModel)]
        pub struct Model {
            pub id: i32,
            pub book_id: i32,
            pub title: String,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveColumn)]
        pub enum Column {
            Id,
            BookId,
            Title,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DerivePrimaryKey)]
        pub enum PrimaryKey {
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
                    Self::Id | Self::BookId => ColumnType::Integer.def(),
                    Self::Title => ColumnType::Text.def(),
                }
            }
        }

        #[derive(Copy, Clone, Debug, EnumIter)]
        pub enum Relation {
            Book,
        }

        impl RelationTrait for Relation {
            fn def(&self) -> RelationDef {
                Entity::belongs_to(super::book::Entity)
                    .from(Column::BookId)
                    .to(super::book::Column::Id)
                    .into()
            }
        }

        impl Related<super::book::Entity> for Entity {
            fn to() -> RelationDef {
                Relation::Book.def()
            }
        }

        impl Related<Entity> for super::book::Entity {
            fn to() -> RelationDef {
                Relation::Book.def().rev()
            }
        }

        /// Link from a chapter to the author of its book.
        pub struct Author;

        impl Linked for Author {
            type FromEntity = Entity;
            type ToEntity = super::author::Entity;

            fn link(&self) -> Vec<RelationDef> {
                vec![Relation::Book.def(), super::book::Relation::Author.def()]
            }
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    /// Compact format, with types that only PostgreSQL has.
    pub mod sample {
        use sea_orm::entity::prelude::*;

        #[tenant_core::tenant]
        #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
        #[sea_orm(table_name = "sample")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub id: i32,
            pub feeling: Option<super::Feeling>,
            pub feelings: Vec<super::Feeling>,
            pub format: Option<super::super::shared::Format>,
            pub formats: Vec<super::super::shared::Format>,
            #[sea_orm(column_type = "JsonBinary")]
            pub extra: Json,
            pub marks: Vec<i32>,
            pub words: Option<Vec<String>>,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}
    }

    /// Compact format. A shared table has the same name.
    pub mod setting {
        use sea_orm::entity::prelude::*;

        #[tenant_core::tenant]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "setting")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub name: String,
            pub value: String,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}
    }

    use sea_orm::entity::prelude::*;

    /// An enum type in each tenant's schema, with a different order of values.
    #[tenant_core::tenant]
    #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "feeling")]
    pub enum Feeling {
        #[sea_orm(string_value = "glad")]
        Glad,
        #[sea_orm(string_value = "sad")]
        Sad,
    }
}

/// Entities with one table for all tenants.
pub(crate) mod shared {
    /// Dense format.
    pub mod genre {
        use sea_orm::entity::prelude::*;

        #[tenant_core::shared]
        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "genre")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: i32,
            pub name: String,
            #[sea_orm(has_many)]
            pub books: HasMany<super::super::tenant::book::Entity>,
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    /// Compact format. A tenant table has the same name.
    pub mod setting {
        use sea_orm::entity::prelude::*;

        #[tenant_core::shared]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "setting")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub name: String,
            pub value: String,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}
    }

    use sea_orm::entity::prelude::*;

    #[tenant_core::shared]
    #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "format")]
    pub enum Format {
        #[sea_orm(string_value = "paper")]
        Paper,
        #[sea_orm(string_value = "screen")]
        Screen,
    }
}

//! The entities: `item` and `part` of each tenant, `plan` of all.

pub(crate) mod item {
    use sea_orm::entity::prelude::*;
    use tenant_core::tenant;

    #[tenant]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "item")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: i64,
        /// Number of the task that writes it.
        pub(crate) owner: i32,
        /// The operation that wrote it last.
        pub(crate) op: i64,
        pub(crate) title: String,
        pub(crate) mood: super::Mood,
        pub(crate) plan: String,
        /// The schema of the tenant that it was written for.
        pub(crate) watermark: String,
        #[sea_orm(has_many)]
        pub(crate) parts: HasMany<super::part::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod part {
    use sea_orm::entity::prelude::*;
    use tenant_core::tenant;

    #[tenant]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "part")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: i64,
        pub(crate) item_id: i64,
        pub(crate) op: i64,
        pub(crate) watermark: String,
        #[sea_orm(belongs_to, from = "item_id", to = "id", on_delete = "Cascade")]
        pub(crate) item: BelongsTo<super::item::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod plan {
    use sea_orm::entity::prelude::*;
    use tenant_core::shared;

    #[shared]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "plan")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) code: String,
        pub(crate) name: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

use sea_orm::{ActiveValue::Set, entity::prelude::*};
use tenant_core::tenant;

/// An enum type that each schema has, with its labels in another order in every second one.
#[tenant]
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "Enum", db_type = "Enum", enum_name = "mood")]
pub(crate) enum Mood {
    #[sea_orm(string_value = "happy")]
    Happy,
    #[sea_orm(string_value = "sad")]
    Sad,
}

/// Origin of a row: the operation and the tenant that it was written for.
#[derive(Debug, Clone, PartialEq, Eq, DerivePartialModel)]
#[sea_orm(entity = "item::Entity", from_query_result)]
pub(crate) struct Origin {
    pub(crate) id: i64,
    pub(crate) op: i64,
    pub(crate) watermark: String,
}

/// The title that an operation writes.
pub(crate) fn title(op: i64) -> String {
    format!("op {op}")
}

pub(crate) fn mood(op: i64) -> Mood {
    if op % 3 == 0 { Mood::Sad } else { Mood::Happy }
}

/// The mood as it is in the database.
pub(crate) fn label(op: i64) -> &'static str {
    match mood(op) {
        Mood::Happy => "happy",
        Mood::Sad => "sad",
    }
}

/// The codes of the shared plans.
pub(crate) const PLANS: [&str; 2] = ["free", "team"];

pub(crate) fn plan(op: i64) -> &'static str {
    PLANS[usize::from(op % 5 == 0)]
}

/// The item that operation `op` of task `owner` writes for a tenant.
pub(crate) fn new_item(id: i64, owner: i32, op: i64, watermark: &str) -> item::ActiveModel {
    item::ActiveModel {
        id: Set(id),
        owner: Set(owner),
        op: Set(op),
        title: Set(title(op)),
        mood: Set(mood(op)),
        plan: Set(plan(op).to_owned()),
        watermark: Set(watermark.to_owned()),
    }
}

pub(crate) fn new_part(id: i64, item_id: i64, op: i64, watermark: &str) -> part::ActiveModel {
    part::ActiveModel {
        id: Set(id),
        item_id: Set(item_id),
        op: Set(op),
        watermark: Set(watermark.to_owned()),
    }
}

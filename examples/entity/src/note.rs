//! The entity of the table `note`, a table in each tenant's schema.

use sea_orm::entity::prelude::*;
use tenant_core::tenant;

/// A note.
#[tenant]
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "note")]
pub struct Model {
    /// Id, unique only within the tenant.
    #[sea_orm(primary_key)]
    pub id: i32,
    /// First line.
    pub title: String,
    /// Rest of the text.
    #[sea_orm(column_type = "Text")]
    pub body: String,
    /// Code of the plan. Default: `free`.
    #[sea_orm(default_value = "free")]
    pub plan: String,
    /// Time of creation.
    #[sea_orm(default_expr = "Expr::current_timestamp()")]
    pub created_at: DateTimeUtc,
    /// The plan, a row of a shared table.
    #[sea_orm(belongs_to, from = "plan", to = "code")]
    pub plan_details: BelongsTo<super::plan::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

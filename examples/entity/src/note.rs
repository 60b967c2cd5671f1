//! The entity of the table `note`, of which every tenant has its own.

use sea_orm::entity::prelude::*;
use tenant_core::tenant;

/// A note.
#[tenant]
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "note")]
pub struct Model {
    /// Its id, unique in its tenant only.
    #[sea_orm(primary_key)]
    pub id: i32,
    /// The first line.
    pub title: String,
    /// The rest.
    #[sea_orm(column_type = "Text")]
    pub body: String,
    /// The code of its plan.
    #[sea_orm(default_value = "free")]
    pub plan: String,
    /// When it was written.
    #[sea_orm(default_expr = "Expr::current_timestamp()")]
    pub created_at: DateTimeUtc,
    /// Its plan, a row of a shared table.
    #[sea_orm(belongs_to, from = "plan", to = "code")]
    pub plan_details: BelongsTo<super::plan::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

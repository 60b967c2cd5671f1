//! The entity of the table `plan`, which all tenants share.

use sea_orm::entity::prelude::*;
use tenant_core::shared;

/// A plan, to which a note belongs.
#[shared]
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "plan")]
pub struct Model {
    /// Code of the plan, which notes refer to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub code: String,
    /// Name for display.
    pub name: String,
    /// Monthly price in cents.
    pub price_cents: i32,
    /// Number of notes that the plan is meant for. It is not enforced.
    pub max_notes: i32,
    /// Notes on the plan, of the connection's tenant.
    #[sea_orm(has_many)]
    pub notes: HasMany<super::note::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

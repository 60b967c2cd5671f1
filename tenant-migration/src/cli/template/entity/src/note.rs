//! The entity of the table `note`, which each tenant has.

use sea_orm::entity::prelude::*;
use tenant_core::tenant;

#[tenant]
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "note")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub title: String,
}

impl ActiveModelBehavior for ActiveModel {}

//! The entity of the table `plan`, which all tenants share.

use sea_orm::entity::prelude::*;
use tenant_core::shared;

/// What a note can be booked on.
#[shared]
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "plan")]
pub struct Model {
    /// Its code, by which notes name it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub code: String,
    /// Its name, for people.
    pub name: String,
    /// What it costs a month, in cents.
    pub price_cents: i32,
    /// How many notes it is meant for.
    pub max_notes: i32,
    /// The notes on it: those of the tenant whose connection asks.
    #[sea_orm(has_many)]
    pub notes: HasMany<super::note::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

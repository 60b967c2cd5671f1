//! The entity of the table `dropped_tenants`.

use sea_orm::entity::prelude::*;

/// A row of `dropped_tenants`: a tenant that is gone. The name of its schema is not given to another one, unless
/// that is asked for by name: what still runs for the old tenant would find the new one's rows.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dropped_tenants", schema_name = "public")]
pub struct Model {
    /// The id that it had.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: i64,
    /// The name of its schema.
    pub schema_name: String,
    /// The customer's name, for people.
    pub name: String,
    /// When it was dropped.
    pub dropped_at: DateTimeUtc,
}

/// It has none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[diagnostic::do_not_recommend]
impl crate::SharedEntity for Entity {}

inventory::submit! {
    crate::registry::Registration::table::<Entity>(crate::Scope::Shared, "tenant_core::catalog::dropped_tenant::Entity")
}

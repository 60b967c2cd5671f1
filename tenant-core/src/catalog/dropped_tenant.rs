//! The entity of the table `dropped_tenants`.

use sea_orm::entity::prelude::*;

use crate::registry::{Registration, Scope, SharedEntity};

/// A row of `dropped_tenants`: a schema that is gone, with its tenant or because it has another name now. Its name is not
/// given to another one, unless that is asked for: what still runs for the old tenant would find the new one's rows.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dropped_tenants", schema_name = "public")]
pub struct Model {
    /// The row's own id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The id of the tenant.
    pub tenant_id: i64,
    /// The name that the schema had.
    pub schema_name: String,
    /// The customer's name, for people.
    pub name: String,
    /// The name that the schema had next, if the tenant is not gone but its schema was renamed.
    pub renamed_to: Option<String>,
    /// When it was dropped or renamed.
    pub dropped_at: DateTimeUtc,
}

/// It has none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[diagnostic::do_not_recommend]
impl SharedEntity for Entity {}

inventory::submit! {
    Registration::table::<Entity>(Scope::Shared, "tenant_core::catalog::dropped_tenant::Entity")
}

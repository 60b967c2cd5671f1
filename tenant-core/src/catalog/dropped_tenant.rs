//! The entity of the table `dropped_tenants`.

use sea_orm::entity::prelude::*;

use crate::registry::{Registration, Scope, SharedEntity};

/// A row of `dropped_tenants`: the name of a schema that was dropped or renamed. The name is not used again unless the
/// caller asks for it: a transaction that still runs for the old tenant would read the new tenant's rows.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dropped_tenants", schema_name = "public")]
pub struct Model {
    /// The row's own id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The id of the tenant.
    pub tenant_id: i64,
    /// The old name of the schema.
    pub schema_name: String,
    /// Display name of the customer.
    pub name: String,
    /// The new name, if the schema was renamed and not dropped.
    pub renamed_to: Option<String>,
    /// Time of the drop or the renaming.
    pub dropped_at: DateTimeUtc,
}

/// Relations of `dropped_tenants`: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[diagnostic::do_not_recommend]
impl SharedEntity for Entity {}

inventory::submit! {
    Registration::table::<Entity>(Scope::Shared, "tenant_core::catalog::dropped_tenant::Entity")
}

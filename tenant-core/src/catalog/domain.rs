//! The entity of the table `domains`.

use sea_orm::entity::prelude::*;

use crate::registry::{Registration, Scope, SharedEntity};

/// A row of `domains`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "domains", schema_name = "public")]
pub struct Model {
    /// Id of the domain.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Id of the tenant.
    pub tenant_id: i64,
    /// The host name, in the form of [`Host`](crate::Host), unique.
    pub domain: String,
    /// True for the domain that links to the tenant use. A tenant has at most one primary domain.
    pub is_primary: bool,
    /// Time of creation.
    pub created_at: DateTimeUtc,
}

/// The relations of `domains`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The tenant of a domain.
    #[sea_orm(
        belongs_to = "super::tenant::Entity",
        from = "Column::TenantId",
        to = "super::tenant::Column::Id",
        on_delete = "Cascade"
    )]
    Tenant,
}

impl Related<super::tenant::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Tenant.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

#[diagnostic::do_not_recommend]
impl SharedEntity for Entity {}

inventory::submit! {
    Registration::table::<Entity>(Scope::Shared, "tenant_core::catalog::domain::Entity")
}

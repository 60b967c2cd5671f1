//! The entity of the table `tenants`.

use sea_orm::entity::prelude::*;

use crate::registry::{Registration, Scope, SharedEntity};

/// A row of `tenants`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tenants", schema_name = "public")]
pub struct Model {
    /// Id of the tenant, never reused.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The name of its schema, unique ignoring case.
    pub schema_name: String,
    /// Display name of the customer.
    pub name: String,
    /// Group of tenants, such as `trial`.
    pub kind: String,
    /// A [`TenantStatus`](crate::TenantStatus) as a word.
    pub status: String,
    /// The application's own data about the tenant.
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: Json,
    /// Name of the last migration that was applied in its schema. `None` for the public tenant.
    pub version: Option<String>,
    /// Time of creation.
    pub created_at: DateTimeUtc,
    /// Time of the last change.
    pub updated_at: DateTimeUtc,
}

/// The relations of `tenants`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The domains of a tenant.
    #[sea_orm(has_many = "super::domain::Entity")]
    Domain,
}

impl Related<super::domain::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Domain.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

#[diagnostic::do_not_recommend]
impl SharedEntity for Entity {}

inventory::submit! {
    Registration::table::<Entity>(Scope::Shared, "tenant_core::catalog::tenant::Entity")
}

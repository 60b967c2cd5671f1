//! Plans, which all tenants share, and a tenant's usage of them.

use example_entity::plan;
use sea_orm::{DbErr, EntityTrait, FromQueryResult, QueryOrder, raw_sql};
use serde::Serialize;
use tenant_core::TenantConnection;

/// Returns all plans, the cheapest first.
pub(crate) async fn list(db: &TenantConnection) -> Result<Vec<plan::Model>, DbErr> {
    plan::Entity::find()
        .order_by_asc(plan::Column::PriceCents)
        .order_by_asc(plan::Column::Code)
        .all(db)
        .await
}

/// A plan, and the number of the tenant's notes on it.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult, Serialize)]
pub(crate) struct Usage {
    pub(crate) plan: String,
    pub(crate) name: String,
    pub(crate) price_cents: i32,
    pub(crate) max_notes: i32,
    pub(crate) notes: i64,
}

impl Usage {
    /// Formats the plan's monthly price: `$9`, `$9.50`.
    pub(crate) fn price(&self) -> String {
        match (self.price_cents / 100, self.price_cents % 100) {
            (dollars, 0) => format!("${dollars}"),
            (dollars, cents) => format!("${dollars}.{cents:02}"),
        }
    }
}

/// Returns the tenant's usage of each plan. The SQL names no schema: the connection qualifies `note` with the tenant's
/// schema and `plan` with `public`.
pub(crate) async fn usage(db: &TenantConnection) -> Result<Vec<Usage>, DbErr> {
    Usage::find_by_statement(raw_sql!(
        Postgres,
        "SELECT plan.code AS plan, plan.name, plan.price_cents, plan.max_notes, count(note.id) AS notes
         FROM plan
         LEFT JOIN note ON note.plan = plan.code
         GROUP BY plan.code, plan.name, plan.price_cents, plan.max_notes
         ORDER BY plan.price_cents, plan.code"
    ))
    .all(db)
    .await
}

//! Plans, which all tenants share, and how a tenant uses them.

use example_entity::plan;
use sea_orm::{DbErr, EntityTrait, FromQueryResult, QueryOrder, raw_sql};
use serde::Serialize;
use tenant_core::TenantConnection;

/// All plans, the cheapest first.
pub(crate) async fn list(db: &TenantConnection) -> Result<Vec<plan::Model>, DbErr> {
    plan::Entity::find()
        .order_by_asc(plan::Column::PriceCents)
        .order_by_asc(plan::Column::Code)
        .all(db)
        .await
}

/// How many of the tenant's notes are on a plan.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult, Serialize)]
pub(crate) struct Usage {
    pub(crate) plan: String,
    pub(crate) name: String,
    pub(crate) price_cents: i32,
    pub(crate) max_notes: i32,
    pub(crate) notes: i64,
}

impl Usage {
    /// What the plan costs a month, for people.
    pub(crate) fn price(&self) -> String {
        match (self.price_cents / 100, self.price_cents % 100) {
            (dollars, 0) => format!("${dollars}"),
            (dollars, cents) => format!("${dollars}.{cents:02}"),
        }
    }
}

/// How the tenant uses each plan. `note` is the tenant's and `plan` is shared; the connection knows which is which.
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

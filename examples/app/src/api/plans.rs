//! `/api/plans` and `/api/stats`.

use example_entity::plan;
use serde::Serialize;
use tenant_core::TenantConnection;

use super::{ApiError, ok};
use crate::{answer::Answer, plans};

/// JSON of a plan.
#[derive(Serialize)]
struct PlanView {
    code: String,
    name: String,
    price_cents: i32,
    max_notes: i32,
}

impl From<plan::Model> for PlanView {
    fn from(plan: plan::Model) -> Self {
        Self {
            code: plan.code,
            name: plan.name,
            price_cents: plan.price_cents,
            max_notes: plan.max_notes,
        }
    }
}

/// Returns all plans.
///
/// # Errors
/// [`ApiError`].
pub async fn list(db: &TenantConnection) -> Result<Answer, ApiError> {
    let plans = plans::list(db).await?;
    ok(&plans.into_iter().map(PlanView::from).collect::<Vec<_>>())
}

/// Returns the number of the tenant's notes on each plan.
///
/// # Errors
/// [`ApiError`].
pub async fn stats(db: &TenantConnection) -> Result<Answer, ApiError> {
    ok(&plans::usage(db).await?)
}

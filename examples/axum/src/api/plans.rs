//! `/api/plans` and `/api/stats`.

use axum::Json;
use example_entity::plan;
use serde::Serialize;
use tenant_core::TenantConnection;

use super::error::ApiError;
use crate::plans::{self, Usage};

/// JSON of a plan.
#[derive(Serialize)]
pub(crate) struct PlanView {
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

pub(crate) async fn list(db: TenantConnection) -> Result<Json<Vec<PlanView>>, ApiError> {
    let plans = plans::list(&db).await?;
    Ok(Json(plans.into_iter().map(PlanView::from).collect()))
}

pub(crate) async fn stats(db: TenantConnection) -> Result<Json<Vec<Usage>>, ApiError> {
    Ok(Json(plans::usage(&db).await?))
}

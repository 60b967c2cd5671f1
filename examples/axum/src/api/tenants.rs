//! `/api/tenants`.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use tenant_core::{Tenant, TenantStatus};

use super::{error::ApiError, extract};
use crate::{
    app::Site,
    signup::{SignUp, sign_up},
};

/// JSON of a tenant.
#[derive(Serialize)]
pub(crate) struct TenantView {
    schema: String,
    name: String,
    domain: Option<String>,
    status: TenantStatus,
}

impl From<&Tenant> for TenantView {
    fn from(tenant: &Tenant) -> Self {
        Self {
            schema: tenant.schema().to_string(),
            name: tenant.name().to_owned(),
            domain: tenant.domain().map(str::to_owned),
            status: tenant.status(),
        }
    }
}

/// Returns all tenants except the public one, which is the main site.
pub(crate) async fn list(State(site): State<Site>) -> Result<Json<Vec<TenantView>>, ApiError> {
    let tenants = site.tenants.list().await?;
    let customers = tenants.iter().filter(|tenant| !tenant.is_public());
    Ok(Json(customers.map(TenantView::from).collect()))
}

pub(crate) async fn create(
    State(site): State<Site>,
    main: Tenant,
    extract::Json(input): extract::Json<SignUp>,
) -> Result<(StatusCode, Json<TenantView>), ApiError> {
    let tenant = sign_up(&site, &main, &input).await?;
    Ok((StatusCode::CREATED, Json(TenantView::from(&tenant))))
}

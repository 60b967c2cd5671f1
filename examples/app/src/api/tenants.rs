//! `/api/tenants`.

use http::StatusCode;
use serde::Serialize;
use tenant_core::{Tenant, TenantStatus};

use super::{ApiError, ok};
use crate::{
    Site,
    answer::{self, Answer},
    signup::{SignUp, sign_up},
};

/// JSON of a tenant.
#[derive(Serialize)]
struct TenantView {
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
///
/// # Errors
/// [`ApiError`].
pub async fn list(site: &Site) -> Result<Answer, ApiError> {
    let tenants = site.tenants.list().await?;
    let customers = tenants.iter().filter(|tenant| !tenant.is_public());
    ok(&customers.map(TenantView::from).collect::<Vec<_>>())
}

/// Creates a tenant.
///
/// # Errors
/// [`ApiError`].
pub async fn create(site: &Site, main: &Tenant, input: &SignUp) -> Result<Answer, ApiError> {
    let tenant = sign_up(site, main, input).await?;
    Ok(answer::json(StatusCode::CREATED, &TenantView::from(&tenant))?)
}

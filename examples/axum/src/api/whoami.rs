//! `/api/whoami`.

use axum::Json;
use serde::Serialize;
use tenant_core::Tenant;

/// JSON of the request's tenant.
#[derive(Serialize)]
pub(crate) struct Whoami {
    tenant: String,
    name: String,
    domain: Option<String>,
}

pub(crate) async fn show(tenant: Tenant) -> Json<Whoami> {
    Json(Whoami {
        tenant: tenant.schema().to_string(),
        name: tenant.name().to_owned(),
        domain: tenant.domain().map(str::to_owned),
    })
}

//! `/api/whoami`.

use serde::Serialize;
use tenant_core::Tenant;

use super::{ApiError, ok};
use crate::answer::Answer;

/// JSON of the request's tenant.
#[derive(Serialize)]
struct Whoami {
    tenant: String,
    name: String,
    domain: Option<String>,
}

/// Returns the request's tenant.
///
/// # Errors
/// [`ApiError`].
pub fn show(tenant: &Tenant) -> Result<Answer, ApiError> {
    ok(&Whoami {
        tenant: tenant.schema().to_string(),
        name: tenant.name().to_owned(),
        domain: tenant.domain().map(str::to_owned),
    })
}

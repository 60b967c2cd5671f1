//! The answer of the first page.

use serde::Serialize;
use tenant_core::Tenant;

/// The site of a request.
#[derive(Debug, Serialize)]
pub struct HomeResponse {
    /// Name of the tenant, or of the main site.
    pub site: String,
    /// True for the main site.
    pub main: bool,
}

impl HomeResponse {
    /// Describes a tenant's site.
    #[must_use]
    pub fn new(tenant: &Tenant) -> Self {
        Self {
            site: tenant.name().to_owned(),
            main: tenant.is_public(),
        }
    }
}

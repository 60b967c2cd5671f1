//! The answer about a request's user.

use loco_rs::auth::jwt::UserClaims;
use serde::Serialize;
use tenant_core::Tenant;

/// The user of a request.
#[derive(Debug, Serialize)]
pub struct CurrentResponse {
    /// Id of the user, in the tenant.
    pub pid: String,
    /// Name of the tenant.
    pub tenant: String,
}

impl CurrentResponse {
    /// Describes the user of a token.
    #[must_use]
    pub fn new(claims: &UserClaims, tenant: &Tenant) -> Self {
        Self {
            pid: claims.pid.clone(),
            tenant: tenant.name().to_owned(),
        }
    }
}

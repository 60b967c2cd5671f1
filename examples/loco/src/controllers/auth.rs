//! The user of a request.

use loco_rs::prelude::*;
use tenant_core::Tenant;

use crate::views::auth::CurrentResponse;

/// `auth::JWT` reads no database. A user's row is found by a `TenantConnection`.
async fn current(auth: auth::JWT, tenant: Tenant) -> Result<Response> {
    format::json(CurrentResponse::new(&auth.claims, &tenant))
}

/// Returns the routes.
pub fn routes() -> Routes {
    Routes::new().prefix("/api/auth").add("/current", get(current))
}

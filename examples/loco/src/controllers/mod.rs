//! Controllers.

use axum::{extract::Request, middleware::Next};
use loco_rs::prelude::*;
use tenant_core::Tenant;

pub mod auth;
pub mod home;
pub mod notes;

/// Middleware that answers 404 on the main site, whose schema has no tables of tenants.
///
/// # Errors
/// [`Error::NotFound`] on the main site.
pub async fn only_tenants(tenant: Tenant, request: Request, next: Next) -> Result<Response> {
    if tenant.is_public() {
        return not_found();
    }
    Ok(next.run(request).await)
}

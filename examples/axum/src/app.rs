//! [`app`]: the application as a service.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{
        HeaderValue,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::map_response,
    response::{IntoResponse, Response},
};
use tenant_core::{
    Tenants,
    axum::{PublicOrTenant, TenantLayer},
};
use tenant_migration::Migrations;
use tower_http::csrf::{CsrfLayer, ProtectionError};

use crate::{
    api::{self, ApiError},
    error::AppError,
    logs,
    pages::{self, PageError},
};

/// The largest request body. A note with the longest body fits in, whatever its characters are encoded as.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// What the handlers of the main site need.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) tenants: Tenants,
    pub(crate) migrations: Migrations,
}

/// The application. New tenants get their tables from `migrations`.
pub fn app(tenants: Tenants, migrations: Migrations) -> Router {
    let layer = TenantLayer::new(tenants.clone());
    let public = public_site().with_state(Site { tenants, migrations });
    Router::new()
        .fallback_service(PublicOrTenant::new(public, tenant_site()))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(map_response(add_headers))
        .layer(logs::requests())
        .layer(layer)
}

fn public_site() -> Router<Site> {
    let api = api::public().layer(refuse_cross_site::<ApiError>());
    pages::public()
        .layer(refuse_cross_site::<PageError>())
        .nest("/api", api)
}

fn tenant_site() -> Router {
    let api = api::tenant().layer(refuse_cross_site::<ApiError>());
    pages::tenant()
        .layer(refuse_cross_site::<PageError>())
        .nest("/api", api)
}

/// Refuses what a browser sends for another site's page, a sibling tenant's among them.
fn refuse_cross_site<E: From<AppError> + IntoResponse>() -> CsrfLayer<fn(ProtectionError) -> Response> {
    CsrfLayer::new().with_rejection_response(|_| E::from(AppError::CrossSite).into_response())
}

/// Pages load nothing from elsewhere, run no scripts, cannot be framed, and are not kept by caches.
async fn add_headers(mut response: Response) -> Response {
    const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                          frame-ancestors 'none'";
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private, no-cache"));
    response
}

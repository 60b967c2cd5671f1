//! [`app`]: the application's routes and layers.

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

/// Maximum of a request's body: 256 KiB. It fits the longest note in any encoding of its characters.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// State of the main site's handlers.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) tenants: Tenants,
    pub(crate) migrations: Migrations,
}

/// Returns the application's router. `migrations` create the tables of new tenants.
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

/// Refuses requests that a browser sends for a page of another site, including another tenant's site.
fn refuse_cross_site<E: From<AppError> + IntoResponse>() -> CsrfLayer<fn(ProtectionError) -> Response> {
    CsrfLayer::new().with_rejection_response(|_| E::from(AppError::CrossSite).into_response())
}

/// Adds security headers: pages load nothing from other sites, run no scripts and cannot be framed. Shared caches do not
/// store them, and browsers revalidate them.
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

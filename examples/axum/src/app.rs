//! [`app`]: the application's routes and layers.

use std::time::Instant;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderName, HeaderValue, header::CACHE_CONTROL},
    middleware::{Next, from_fn, map_response},
    response::{IntoResponse, Response},
};
use example_app::{Answer, AppError, MAX_BODY_BYTES, SECURITY_HEADERS, Site, logs};
use tenant_core::axum::{PublicOrTenant, TenantLayer};
use tracing::Instrument;

use crate::{api, head::head, pages, reply::Reply};

/// Returns the application's router.
pub fn app(site: Site) -> Router {
    let layer = TenantLayer::new(site.tenants().clone());
    let public = pages::public().nest("/api", api::public()).with_state(site);
    let tenant = pages::tenant().nest("/api", api::tenant());
    Router::new()
        .fallback_service(PublicOrTenant::new(public, tenant))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(map_response(add_headers))
        .layer(from_fn(log))
        .layer(layer)
}

/// Middleware that refuses requests that a browser sends for a page of another site.
pub(crate) async fn refuse_cross_site<E>(request: Request, next: Next) -> Response
where
    E: From<AppError> + Into<Answer>,
{
    match head(request.method(), request.uri(), request.headers()).check_same_site() {
        Ok(()) => next.run(request).await,
        Err(error) => Reply::<E>::from(error).into_response(),
    }
}

async fn add_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static(example_app::CACHE_CONTROL));
    response
}

async fn log(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let span = logs::span(request.method().as_str(), request.uri().path());
    let response = next.run(request).instrument(span.clone()).await;
    span.in_scope(|| logs::answered(response.status().as_u16(), start.elapsed()));
    response
}

//! [`app`]: the application's routes and middleware.

use std::time::Instant;

use actix_web::{
    App, Error, Route,
    body::{BoxBody, MessageBody},
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    guard::{self, Guard},
    http::header::{CACHE_CONTROL, HeaderName, HeaderValue},
    middleware::{Next, from_fn},
    web::{self, ThinData},
};
use example_app::{Answer, AppError, SECURITY_HEADERS, Site, api::ApiError, logs, pages::PageError};
use tenant_core::{TenantConnection, actix::TenantMiddleware};
use tracing::Instrument;

use crate::{api, head::head, pages, reply::Reply};

/// Returns the application.
pub fn app(
    site: Site,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let middleware = TenantMiddleware::new(site.tenants().clone());
    App::new()
        .app_data(ThinData(site))
        // The first service whose path and guard match gets the request.
        .service(
            web::scope("/api")
                .guard(public_tenant())
                .wrap(from_fn(refuse_cross_site::<ApiError>))
                .configure(api::public),
        )
        .service(
            web::scope("/api")
                .guard(guard::Not(public_tenant()))
                .wrap(from_fn(refuse_cross_site::<ApiError>))
                .configure(api::tenant),
        )
        .service(
            web::scope("")
                .guard(public_tenant())
                .wrap(from_fn(refuse_cross_site::<PageError>))
                .configure(pages::public),
        )
        .service(
            web::scope("")
                .guard(guard::Not(public_tenant()))
                .wrap(from_fn(refuse_cross_site::<PageError>))
                .configure(pages::tenant),
        )
        .wrap(from_fn(add_headers))
        .wrap(from_fn(log))
        .wrap(middleware)
}

/// Matches requests of the public tenant: the main site.
fn public_tenant() -> impl Guard {
    guard::fn_guard(|context| {
        let extensions = context.req_data();
        let connection = extensions.get::<TenantConnection>();
        connection.is_some_and(|connection| connection.tenant().is_public())
    })
}

/// Returns a route for GET and HEAD. Actix leaves out the body of the answer to HEAD.
pub(crate) fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Middleware that refuses requests that a browser sends for a page of another site.
pub(crate) async fn refuse_cross_site<E>(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    E: From<AppError> + Into<Answer>,
{
    match head(request.head()).check_same_site() {
        Ok(()) => Ok(next.call(request).await?.map_into_boxed_body()),
        Err(error) => {
            let response = Reply::<E>::from(error).into_response();
            Ok(request.into_response(response))
        }
    }
}

async fn add_headers<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(
            CACHE_CONTROL,
            HeaderValue::from_static(example_app::CACHE_CONTROL),
        );
    }
    Ok(response)
}

async fn log<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let start = Instant::now();
    let span = logs::span(request.method().as_str(), request.path());
    let response = next.call(request).instrument(span.clone()).await?;
    span.in_scope(|| logs::answered(response.status().as_u16(), start.elapsed()));
    Ok(response)
}

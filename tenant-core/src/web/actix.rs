//! [`TenantMiddleware`] and the extractors [`Tenant`] and [`TenantConnection`] for actix-web.
//!
//! # Example
//! ```no_run
//! use actix_web::{App, HttpServer, web};
//! use tenant_core::{Tenant, Tenants, actix::TenantMiddleware};
//!
//! async fn hello(tenant: Tenant) -> String {
//!     format!("Hello, {}!", tenant.name())
//! }
//!
//! async fn serve(tenants: Tenants) -> std::io::Result<()> {
//!     let app = move || App::new().wrap(TenantMiddleware::new(tenants.clone())).route("/", web::get().to(hello));
//!     HttpServer::new(app).bind("127.0.0.1:8000")?.run().await
//! }
//! ```

use std::{
    future::{Future, Ready, ready},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError,
    body::MessageBody,
    dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform},
    http::{
        StatusCode, Version,
        header::{HOST, HeaderValue},
        uri::Authority,
    },
};
use tracing::Instrument;

use super::{rejection::Rejection, resolve};
use crate::{connection::TenantConnection, context, tenant::Tenant, tenants::Tenants};

/// Resolves the tenant of each request by its host, and answers those that have none.
///
/// Inside of it the extractors [`Tenant`] and [`TenantConnection`] work, log lines are in a span `tenant`
/// with the schema, and [`context::current`] returns the tenant. It reads the request's own authority, and
/// not actix's `ConnectionInfo`, which believes `Forwarded` and `X-Forwarded-Host` from anyone.
///
/// | request | answer |
/// |---|---|
/// | no host, several hosts, a malformed host | 400 |
/// | a host that no tenant has | 404 |
/// | a suspended tenant | 403 |
/// | a tenant that is being created or in maintenance, or the catalog cannot be read | 503 |
#[derive(Debug, Clone)]
#[must_use = "a middleware does nothing until an application is wrapped in it"]
pub struct TenantMiddleware {
    tenants: Tenants,
}

impl TenantMiddleware {
    /// Creates a middleware that resolves with `tenants`.
    pub fn new(tenants: Tenants) -> Self {
        Self { tenants }
    }
}

impl<S, B> Transform<S, ServiceRequest> for TenantMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = TenantMiddlewareService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(TenantMiddlewareService {
            tenants: self.tenants.clone(),
            service: Rc::new(service),
        }))
    }
}

/// The service of a [`TenantMiddleware`].
#[derive(Debug)]
pub struct TenantMiddlewareService<S> {
    tenants: Tenants,
    service: Rc<S>,
}

impl<S, B> Service<ServiceRequest> for TenantMiddlewareService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<ServiceResponse<B>, Error>>>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let tenants = self.tenants.clone();
        let service = Rc::clone(&self.service);
        Box::pin(async move {
            let connection = resolve_request(&tenants, &request).await?;
            let tenant = connection.tenant().clone();
            let span = resolve::span(&tenant);
            request.extensions_mut().insert(connection);
            context::scope(tenant, service.call(request))
                .instrument(span)
                .await
        })
    }
}

async fn resolve_request(tenants: &Tenants, request: &ServiceRequest) -> Result<TenantConnection, Rejection> {
    let head = request.head();
    // RFC 9112, section 3.2: a request of HTTP/1.1 has a `Host` header, even if its target has a host.
    let counts = head.version != Version::HTTP_11 || request.headers().contains_key(HOST);
    let authority = head.uri.authority().filter(|_| counts).map(Authority::as_str);
    let hosts = request.headers().get_all(HOST).map(HeaderValue::as_bytes);
    resolve::resolve(tenants, authority, hosts).await
}

/// The connection of the request's tenant. Without a [`TenantMiddleware`] around the route, the answer is 500.
impl FromRequest for TenantConnection {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(
            request
                .extensions()
                .get::<Self>()
                .cloned()
                .ok_or(Rejection::NoLayer),
        )
    }
}

/// The request's tenant. Without a [`TenantMiddleware`] around the route, the answer is 500.
impl FromRequest for Tenant {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let connection = extensions.get::<TenantConnection>();
        ready(
            connection
                .map(|found| found.tenant().clone())
                .ok_or(Rejection::NoLayer),
        )
    }
}

impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.log();
        HttpResponse::build(self.status_code())
            .content_type("text/plain; charset=utf-8")
            .body(self.body())
    }
}

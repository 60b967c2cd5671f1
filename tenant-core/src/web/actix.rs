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
    any::Any,
    fmt,
    future::{Future, Ready, ready},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError,
    body::MessageBody,
    dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform},
    error::InternalError,
    guard::{Guard, GuardContext, fn_guard},
    http::{StatusCode, Uri},
};

pub use super::tls_ask::actix::tls_ask;
use super::{
    data::TenantData,
    measure::Measurement,
    rejection::Rejection,
    resolve::{self, HeadSource},
};
use crate::{
    connection::TenantConnection,
    context,
    resolve::{PathPrefix, RequestHead, Resolver},
    tenant::Tenant,
    tenants::Tenants,
};

/// Resolves the tenant of each request, by its host unless a [`Resolver`] says otherwise, and answers those that have
/// none.
///
/// Inside of it the extractors [`Tenant`] and [`TenantConnection`] work, log lines are in a span `tenant`
/// with the schema, and [`context::current`] returns the tenant. It reads the request's own authority, and
/// not actix's `ConnectionInfo`, which believes `Forwarded` and `X-Forwarded-Host` from anyone.
///
/// | request | answer |
/// |---|---|
/// | no host, several hosts, a malformed host | 400 |
/// | a host or name that no tenant has | 404 |
/// | a suspended tenant, or the guard of the resolver refuses | 403 |
/// | a tenant that is being created or in maintenance, or the catalog cannot be read or the data not be loaded | 503 |
///
/// With the feature `metrics`, requests are counted and timed: see `tenant_core::metrics`.
#[derive(Clone)]
#[must_use = "a middleware does nothing until an application is wrapped in it"]
pub struct TenantMiddleware {
    tenants: Tenants,
    resolver: Arc<Resolver>,
    on_rejection: Option<Arc<OnRejection>>,
}

type OnRejection = dyn Fn(&Rejection, &HttpRequest) -> HttpResponse + Send + Sync;

impl TenantMiddleware {
    /// Creates a middleware that resolves with `tenants`, by the host of a request.
    pub fn new(tenants: Tenants) -> Self {
        Self {
            tenants,
            resolver: Arc::default(),
            on_rejection: None,
        }
    }

    /// Finds the tenants of requests with another [`Resolver`].
    pub fn resolver(mut self, resolver: Resolver) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// Answers requests without a tenant in the application's words. Default: the status of the [`Rejection`], and a
    /// fixed text.
    ///
    /// Do not repeat what the client wrote, such as the host.
    ///
    /// # Example
    /// ```
    /// # fn example(tenants: tenant_core::Tenants) {
    /// use actix_web::{HttpResponse, ResponseError as _};
    /// use tenant_core::{actix::TenantMiddleware, web::Rejection};
    ///
    /// let middleware = TenantMiddleware::new(tenants).on_rejection(|rejection, _request| {
    ///     let page = match rejection {
    ///         Rejection::UnknownTenant => "<h1>Unknown workspace</h1>",
    ///         _ => "<h1>This workspace is not available</h1>",
    ///     };
    ///     HttpResponse::build(rejection.status_code()).content_type("text/html").body(page)
    /// });
    /// # }
    /// ```
    pub fn on_rejection<F>(mut self, answer: F) -> Self
    where
        F: Fn(&Rejection, &HttpRequest) -> HttpResponse + Send + Sync + 'static,
    {
        self.on_rejection = Some(Arc::new(answer));
        self
    }
}

impl fmt::Debug for TenantMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantMiddleware")
            .field("tenants", &self.tenants)
            .field("resolver", &self.resolver)
            .finish_non_exhaustive()
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
            middleware: self.clone(),
            service: Rc::new(service),
        }))
    }
}

/// The service of a [`TenantMiddleware`].
#[derive(Debug)]
pub struct TenantMiddlewareService<S> {
    middleware: TenantMiddleware,
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

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let middleware = self.middleware.clone();
        let service = Rc::clone(&self.service);
        Box::pin(async move {
            let measurement = Measurement::begin(&middleware.tenants);
            let tenant = match middleware.enter(&mut request).await {
                Ok(tenant) => tenant,
                Err(rejection) => {
                    measurement.rejected(&rejection);
                    return Err(middleware.answer(rejection, request.request()));
                }
            };
            let answer = context::scope(tenant.clone(), service.call(request)).await;
            let status = match &answer {
                Ok(answer) => answer.status(),
                Err(error) => error.as_response_error().status_code(),
            };
            measurement.answered(&tenant, status.as_u16());
            answer
        })
    }
}

impl TenantMiddleware {
    /// Finds the tenant of a request, puts it into its extensions, and removes the prefix of its path.
    async fn enter(&self, request: &mut ServiceRequest) -> Result<Tenant, Rejection> {
        let found = resolve::resolve_from(&self.tenants, &self.resolver, &*request).await?;
        if !found.path_prefix.as_str().is_empty() {
            let uri = without_prefix(request.uri(), &found.path_prefix).ok_or(Rejection::UnknownTenant)?;
            request.match_info_mut().get_mut().update(&uri);
            request.head_mut().uri = uri;
            request.extensions_mut().insert(found.path_prefix);
        }
        let tenant = found.connection.tenant().clone();
        request.extensions_mut().insert(found.connection);
        Ok(tenant)
    }

    fn answer(&self, rejection: Rejection, request: &HttpRequest) -> Error {
        let Some(answer) = &self.on_rejection else {
            return rejection.into();
        };
        rejection.log();
        let response = answer(&rejection, request);
        InternalError::from_response(rejection, response).into()
    }
}

impl HeadSource for ServiceRequest {
    fn read<T>(&self, read: impl FnOnce(&RequestHead<'_>) -> T) -> T {
        read(&RequestHead::of_actix(self.head(), &self.extensions()))
    }
}

fn without_prefix(uri: &Uri, prefix: &PathPrefix) -> Option<Uri> {
    let target = resolve::without_prefix(uri.path(), uri.query(), prefix)?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// Returns a guard for routes of the public tenant: the main site. `guard::Not(public_tenant())` is for all others.
///
/// # Example
/// ```no_run
/// # fn example(tenants: tenant_core::Tenants) {
/// use actix_web::{App, HttpServer, guard, web};
/// use tenant_core::actix::{TenantMiddleware, public_tenant, tenant_kind};
///
/// let app = move || {
///     App::new()
///         .wrap(TenantMiddleware::new(tenants.clone()))
///         .service(web::scope("").guard(public_tenant()).route("/", web::get().to(async || "Sign up!")))
///         .service(web::scope("").guard(tenant_kind("trial")).route("/", web::get().to(async || "Your trial")))
///         .service(web::scope("").guard(guard::Not(public_tenant())).route("/", web::get().to(async || "Your notes")))
/// };
/// # }
/// ```
pub fn public_tenant() -> impl Guard {
    fn_guard(|context| is_tenant(context, Tenant::is_public))
}

/// Returns a guard for routes of tenants of a kind. The public tenant is none of them.
pub fn tenant_kind(kind: impl Into<String>) -> impl Guard {
    let kind = kind.into();
    fn_guard(move |context| is_tenant(context, |tenant| !tenant.is_public() && tenant.kind() == kind))
}

fn is_tenant(context: &GuardContext<'_>, is: impl FnOnce(&Tenant) -> bool) -> bool {
    let extensions = context.req_data();
    let connection = extensions.get::<TenantConnection>();
    connection.is_some_and(|connection| is(connection.tenant()))
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

/// The part of the request's path that named its tenant. Without a [`TenantMiddleware`] around the route, the answer is
/// 500.
impl FromRequest for PathPrefix {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let connection = extensions.get::<TenantConnection>().ok_or(Rejection::NoLayer);
        ready(connection.map(|_| extensions.get::<Self>().cloned().unwrap_or_default()))
    }
}

/// The application's data of the request's tenant. Without it, or without a [`TenantMiddleware`] around the route, the answer
/// is 500.
impl<T: Any + Send + Sync> FromRequest for TenantData<T> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request.extensions().get()))
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

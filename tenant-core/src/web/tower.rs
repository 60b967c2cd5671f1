//! [`TenantLayer`]: resolves the tenant of each request.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

use axum_core::response::{IntoResponse, Response};
use http::{HeaderValue, Request, Version, header::HOST, request::Parts, uri::Authority};
use tower_layer::Layer;
use tower_service::Service;
use tracing::Instrument;

use super::{rejection::Rejection, resolve};
use crate::{connection::TenantConnection, context, tenants::Tenants};

/// Resolves the tenant of each request by its host, and answers those that have none.
///
/// Inside of it the extractors [`Tenant`](crate::Tenant) and [`TenantConnection`] work, log lines are in a span
/// `tenant` with the schema, and [`context::current`] returns the tenant. A request without a tenant gets an answer at
/// once:
///
/// | request | answer |
/// |---|---|
/// | no host, several hosts, a malformed host | 400 |
/// | a host that no tenant has | 404 |
/// | a suspended tenant | 403 |
/// | a tenant that is being created or in maintenance, or the catalog cannot be read | 503 |
///
/// # Example
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::{Router, routing::get};
/// use tenant_core::{Tenant, Tenants, axum::TenantLayer};
///
/// let tenants = Tenants::connect("postgres://localhost/app").await?;
/// let app: Router = Router::new()
///     .route("/", get(async |tenant: Tenant| format!("Hello, {}!", tenant.name())))
///     .layer(TenantLayer::new(tenants));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct TenantLayer {
    tenants: Tenants,
}

impl TenantLayer {
    /// Creates a layer that resolves with `tenants`.
    pub fn new(tenants: Tenants) -> Self {
        Self { tenants }
    }
}

impl<S> Layer<S> for TenantLayer {
    type Service = TenantService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TenantService {
            tenants: self.tenants.clone(),
            inner,
        }
    }
}

/// The service of a [`TenantLayer`].
#[derive(Debug, Clone)]
pub struct TenantService<S> {
    tenants: Tenants,
    inner: S,
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<S, B> Service<Request<B>> for TenantService<S>
where
    S: Service<Request<B>> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = BoxFuture<Result<Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // Call the service that `poll_ready` made ready, and not its clone:
        // https://docs.rs/tower/latest/tower/trait.Service.html#be-careful-when-cloning-inner-services
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let tenants = self.tenants.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let connection = match resolve_request(&tenants, &parts).await {
                Ok(connection) => connection,
                Err(rejection) => return Ok(rejection.into_response()),
            };
            let tenant = connection.tenant().clone();
            let span = resolve::span(&tenant);
            parts.extensions.insert(connection);
            let answer = inner.call(Request::from_parts(parts, body));
            let answer = context::scope(tenant, answer).instrument(span);
            answer.await.map(IntoResponse::into_response)
        })
    }
}

async fn resolve_request(tenants: &Tenants, parts: &Parts) -> Result<TenantConnection, Rejection> {
    // RFC 9112, section 3.2: a request of HTTP/1.1 has a `Host` header, even if its target has a host.
    let counts = parts.version != Version::HTTP_11 || parts.headers.contains_key(HOST);
    let authority = parts.uri.authority().filter(|_| counts).map(Authority::as_str);
    let hosts = parts.headers.get_all(HOST).iter().map(HeaderValue::as_bytes);
    resolve::resolve(tenants, authority, hosts).await
}

/// Sends the requests of the public tenant to one service and those of all others to another, so that the
/// main site has its own routes.
///
/// It goes inside of a [`TenantLayer`]; without one, it answers 500.
///
/// # Example
/// ```no_run
/// # async fn example(tenants: tenant_core::Tenants) {
/// use axum::{Router, routing::get};
/// use tenant_core::axum::{PublicOrTenant, TenantLayer};
///
/// let main_site: Router = Router::new().route("/", get("Sign up!"));
/// let customers: Router = Router::new().route("/", get("Your notes"));
/// let app: Router = Router::new()
///     .fallback_service(PublicOrTenant::new(main_site, customers))
///     .layer(TenantLayer::new(tenants));
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PublicOrTenant<P, T> {
    public: P,
    tenant: T,
}

impl<P, T> PublicOrTenant<P, T> {
    /// Creates a service that sends the public tenant's requests to `public` and all others to `tenant`.
    pub fn new(public: P, tenant: T) -> Self {
        Self { public, tenant }
    }
}

impl<P, T, B> Service<Request<B>> for PublicOrTenant<P, T>
where
    P: Service<Request<B>> + Clone + Send + 'static,
    P::Response: IntoResponse,
    P::Future: Send,
    T: Service<Request<B>, Error = P::Error> + Clone + Send + 'static,
    T::Response: IntoResponse,
    T::Future: Send,
    B: Send + 'static,
{
    type Response = Response;
    type Error = P::Error;
    type Future = BoxFuture<Result<Response, P::Error>>;

    /// Always ready: the service that the request goes to is made ready in `call`.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let connection = request.extensions().get::<TenantConnection>();
        match connection.map(|connection| connection.tenant().is_public()) {
            Some(true) => Box::pin(call_when_ready(self.public.clone(), request)),
            Some(false) => Box::pin(call_when_ready(self.tenant.clone(), request)),
            None => Box::pin(async { Ok(Rejection::NoLayer.into_response()) }),
        }
    }
}

async fn call_when_ready<S, B>(mut service: S, request: Request<B>) -> Result<Response, S::Error>
where
    S: Service<Request<B>>,
    S::Response: IntoResponse,
{
    poll_fn(|context| service.poll_ready(context)).await?;
    service.call(request).await.map(IntoResponse::into_response)
}

//! [`TenantLayer`]: resolves the tenant of each request.

use std::{
    fmt,
    future::{Future, poll_fn},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::extract::ConnectInfo;
use axum_core::response::{IntoResponse, Response};
use http::{Request, Uri, request::Parts};
use tower_layer::Layer;
use tower_service::Service;

use super::{measure::Measurement, rejection::Rejection, resolve};
use crate::{
    connection::TenantConnection,
    context,
    resolve::{PathPrefix, Resolver},
    tenant::Tenant,
    tenants::Tenants,
};

/// Resolves the tenant of each request, by its host unless a [`Resolver`] says otherwise, and answers those that have
/// none.
///
/// Inside of it the extractors [`Tenant`](crate::Tenant) and [`TenantConnection`] work, log lines are in a span
/// `tenant` with the schema, and [`context::current`] returns the tenant. A request without a tenant gets an answer at
/// once:
///
/// | request | answer |
/// |---|---|
/// | no host, several hosts, a malformed host | 400 |
/// | a host or name that no tenant has | 404 |
/// | a suspended tenant, or the guard of the resolver refuses | 403 |
/// | a tenant that is being created or in maintenance, or the catalog cannot be read or the data not be loaded | 503 |
///
/// With the feature `metrics`, requests are counted and timed: see `tenant_core::metrics`.
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
#[derive(Clone)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct TenantLayer {
    tenants: Tenants,
    resolver: Arc<Resolver>,
    on_rejection: Arc<OnRejection>,
}

type OnRejection = dyn Fn(Rejection, &Parts) -> Response + Send + Sync;

impl TenantLayer {
    /// Creates a layer that resolves with `tenants`, by the host of a request.
    pub fn new(tenants: Tenants) -> Self {
        Self {
            tenants,
            resolver: Arc::default(),
            on_rejection: Arc::new(|rejection, _| rejection.into_response()),
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
    /// use axum::{http::StatusCode, response::Html};
    /// use tenant_core::{axum::TenantLayer, web::Rejection};
    ///
    /// let layer = TenantLayer::new(tenants).on_rejection(|rejection, _request| {
    ///     let page = match rejection {
    ///         Rejection::UnknownTenant => "<h1>Unknown workspace</h1>",
    ///         _ => "<h1>This workspace is not available</h1>",
    ///     };
    ///     let status = StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    ///     (status, Html(page))
    /// });
    /// # }
    /// ```
    pub fn on_rejection<F, R>(mut self, answer: F) -> Self
    where
        F: Fn(&Rejection, &Parts) -> R + Send + Sync + 'static,
        R: IntoResponse,
    {
        self.on_rejection = Arc::new(move |rejection, parts| {
            rejection.log();
            answer(&rejection, parts).into_response()
        });
        self
    }
}

impl fmt::Debug for TenantLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantLayer")
            .field("tenants", &self.tenants)
            .field("resolver", &self.resolver)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for TenantLayer {
    type Service = TenantService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TenantService {
            layer: self.clone(),
            inner,
        }
    }
}

/// The service of a [`TenantLayer`].
#[derive(Debug, Clone)]
pub struct TenantService<S> {
    layer: TenantLayer,
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
        let layer = self.layer.clone();
        Box::pin(async move {
            let measurement = Measurement::begin(&layer.tenants);
            let (mut parts, body) = request.into_parts();
            let tenant = match layer.enter(&mut parts).await {
                Ok(tenant) => tenant,
                Err(rejection) => {
                    measurement.rejected(&rejection);
                    return Ok((layer.on_rejection)(rejection, &parts));
                }
            };
            let answer = inner.call(Request::from_parts(parts, body));
            let answer = context::scope(tenant.clone(), answer).await;
            let answer = answer.map(IntoResponse::into_response);
            // A service that fails closes the connection, where another would answer 500.
            let status = answer.as_ref().map_or(500, |answer| answer.status().as_u16());
            measurement.answered(&tenant, status);
            answer
        })
    }
}

impl TenantLayer {
    /// Finds the tenant of a request, puts it into its extensions, and removes the prefix of its path.
    async fn enter(&self, parts: &mut Parts) -> Result<Tenant, Rejection> {
        let found = resolve::resolve(&self.tenants, &self.resolver, parts, peer(parts)).await?;
        if !found.path_prefix.as_str().is_empty() {
            parts.uri = without_prefix(&parts.uri, &found.path_prefix).ok_or(Rejection::UnknownTenant)?;
            parts.extensions.insert(found.path_prefix);
        }
        let tenant = found.connection.tenant().clone();
        parts.extensions.insert(found.connection);
        Ok(tenant)
    }
}

/// Returns the address of the peer, if the application is served with `into_make_service_with_connect_info`.
fn peer(parts: &Parts) -> Option<IpAddr> {
    let info = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    info.map(|ConnectInfo(address)| address.ip())
}

fn without_prefix(uri: &Uri, prefix: &PathPrefix) -> Option<Uri> {
    let target = resolve::without_prefix(uri.path(), uri.query(), prefix)?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
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

/// Sends the requests of tenants of some kinds to services of their own, and all others to another one.
///
/// It goes inside of a [`TenantLayer`]; without one, it answers 500.
///
/// # Example
/// ```no_run
/// # async fn example(tenants: tenant_core::Tenants) {
/// use axum::{Router, routing::get};
/// use tenant_core::axum::{PerKind, PublicOrTenant, TenantLayer};
///
/// let main_site: Router = Router::new().route("/", get("Sign up!"));
/// let customers: Router = Router::new().route("/", get("Your notes"));
/// let trials: Router = Router::new().route("/", get("Your notes, for 30 days"));
/// let app: Router = Router::new()
///     .fallback_service(PublicOrTenant::new(main_site, PerKind::new(customers).kind("trial", trials)))
///     .layer(TenantLayer::new(tenants));
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PerKind<S> {
    others: S,
    kinds: Vec<(String, S)>,
}

impl<S> PerKind<S> {
    /// Creates a service that sends the requests of all kinds of tenants to `others`.
    pub fn new(others: S) -> Self {
        Self {
            others,
            kinds: Vec::new(),
        }
    }

    /// Sends the requests of tenants of this kind to `service`.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>, service: S) -> Self {
        self.kinds.push((kind.into(), service));
        self
    }

    fn service_of(&self, kind: &str) -> &S {
        let found = self.kinds.iter().find(|(name, _)| name == kind);
        found.map_or(&self.others, |(_, service)| service)
    }
}

impl<S, B> Service<Request<B>> for PerKind<S>
where
    S: Service<Request<B>> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = BoxFuture<Result<Response, S::Error>>;

    /// Always ready: the service that the request goes to is made ready in `call`.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let connection = request.extensions().get::<TenantConnection>();
        match connection.map(|connection| self.service_of(connection.tenant().kind()).clone()) {
            Some(service) => Box::pin(call_when_ready(service, request)),
            None => Box::pin(async { Ok(Rejection::NoLayer.into_response()) }),
        }
    }
}

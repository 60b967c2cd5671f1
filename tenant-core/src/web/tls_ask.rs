//! The question of a TLS server before it gets a certificate for a host, such as Caddy's `on_demand_tls { ask }`.
//!
//! Caddy asks `GET /tls-ask?domain=acme.example.com`, and gets a certificate if the answer is 200.
//! <https://caddyserver.com/docs/caddyfile/options#on-demand-tls>

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    catalog::CatalogError,
    host::Host,
    resolve::TenantKey,
    tenant::{Tenant, TenantStatus},
    tenants::Tenants,
};

/// Most look-ups of hosts that are not cached, a second. Clients can ask for any host in their TLS handshakes.
const MAX_LOOKUPS: u32 = 100;

/// State of the handler.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    tenants: Tenants,
    limit: Arc<Limit>,
}

impl Ask {
    pub(super) fn new(tenants: Tenants) -> Self {
        Self {
            tenants,
            limit: Arc::new(Limit::new(MAX_LOOKUPS)),
        }
    }

    /// Returns the status of the answer to a request with this query.
    pub(super) async fn answer(&self, query: Option<&str>) -> u16 {
        let Some(host) = query.and_then(domain) else {
            return 404;
        };
        // A wildcard domain does not count: anybody could ask for certificates of any number of names below it.
        let key = TenantKey::Slug(host);
        let found = match self.tenants.cached(&key) {
            Some(found) => found,
            None if !self.limit.take(Instant::now()) => return 429,
            None => match self.tenants.find(&key).await {
                Ok(found) => found,
                Err(error) => return unavailable(&error),
            },
        };
        if found.is_some_and(|tenant| gets_certificates(&tenant)) {
            200
        } else {
            404
        }
    }
}

fn unavailable(error: &CatalogError) -> u16 {
    tracing::error!(%error, "the tenant of a domain that needs a certificate could not be looked up");
    503
}

/// A tenant in maintenance keeps its certificates, so that its visitors see the page that says so.
fn gets_certificates(tenant: &Tenant) -> bool {
    matches!(tenant.status(), TenantStatus::Active | TenantStatus::Maintenance)
}

/// Returns the only `domain` of a query. A host name has no characters that need an encoding.
fn domain(query: &str) -> Option<Host> {
    let mut values = query.split('&').filter_map(|pair| pair.strip_prefix("domain="));
    let value = values.next()?;
    let is_one = values.next().is_none() && !value.contains(':');
    is_one.then(|| Host::parse(value).ok()).flatten()
}

/// Limit of events in a second: a token bucket.
#[derive(Debug)]
struct Limit {
    per_second: u32,
    /// The time at which the bucket is full again.
    full_at: Mutex<Option<Instant>>,
}

impl Limit {
    fn new(per_second: u32) -> Self {
        Self {
            per_second,
            full_at: Mutex::new(None),
        }
    }

    /// True if there may be another event now.
    fn take(&self, now: Instant) -> bool {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = full_at.map_or(now, |time| time.max(now)) + Duration::from_secs(1) / self.per_second;
        let is_allowed = next <= now + Duration::from_secs(1);
        if is_allowed {
            *full_at = Some(next);
        }
        is_allowed
    }
}

/// The handler for axum.
#[cfg(feature = "axum")]
pub(super) mod axum {
    use std::{
        convert::Infallible,
        future::Future,
        pin::Pin,
        task::{Context, Poll},
    };

    use axum_core::response::{IntoResponse, Response};
    use http::{Request, StatusCode};
    use tower_service::Service;

    use super::Ask;
    use crate::tenants::Tenants;

    /// Returns a service that tells a TLS server, such as Caddy, for which hosts it may get certificates.
    ///
    /// It answers `?domain=acme.example.com` with 200 if a served tenant has exactly this domain, and with 404 otherwise.
    /// A tenant in maintenance counts as served. Wildcard domains do not count: get one certificate for them by DNS.
    /// Hosts that are not cached are looked up 100 times a second at most; then the answer is 429.
    ///
    /// Put it outside of the [`TenantLayer`](crate::axum::TenantLayer), on an address that only the TLS server reaches.
    ///
    /// # Example
    /// ```no_run
    /// # fn example(tenants: tenant_core::Tenants) {
    /// use axum::Router;
    /// use tenant_core::axum::tls_ask;
    ///
    /// // Caddyfile: { on_demand_tls { ask http://127.0.0.1:9000/tls-ask } }
    /// let internal: Router = Router::new().route_service("/tls-ask", tls_ask(tenants));
    /// # }
    /// ```
    #[must_use]
    pub fn tls_ask(tenants: Tenants) -> TlsAsk {
        TlsAsk(Ask::new(tenants))
    }

    /// The service of [`tls_ask`].
    #[derive(Debug, Clone)]
    pub struct TlsAsk(Ask);

    impl<B> Service<Request<B>> for TlsAsk {
        type Response = Response;
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<B>) -> Self::Future {
            let (ask, query) = (self.0.clone(), request.uri().query().map(str::to_owned));
            Box::pin(async move {
                let status = ask.answer(query.as_deref()).await;
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Ok(status.into_response())
            })
        }
    }
}

/// The handler for actix-web.
#[cfg(feature = "actix")]
pub(super) mod actix {
    use actix_web::{HttpRequest, HttpResponse, Route, http::StatusCode, web};

    use super::Ask;
    use crate::tenants::Tenants;

    /// Returns a route that tells a TLS server, such as Caddy, for which hosts it may get certificates.
    ///
    /// It answers `?domain=acme.example.com` with 200 if a served tenant has exactly this domain, and with 404 otherwise.
    /// A tenant in maintenance counts as served. Wildcard domains do not count: get one certificate for them by DNS.
    /// Hosts that are not cached are looked up 100 times a second at most in each worker; then the answer is 429.
    ///
    /// Put it into an application without the [`TenantMiddleware`](crate::actix::TenantMiddleware), on an address that only
    /// the TLS server reaches.
    ///
    /// # Example
    /// ```no_run
    /// # fn example(tenants: tenant_core::Tenants) {
    /// use actix_web::{App, HttpServer};
    /// use tenant_core::actix::tls_ask;
    ///
    /// // Caddyfile: { on_demand_tls { ask http://127.0.0.1:9000/tls-ask } }
    /// let server = HttpServer::new(move || App::new().route("/tls-ask", tls_ask(tenants.clone())));
    /// # }
    /// ```
    #[must_use]
    pub fn tls_ask(tenants: Tenants) -> Route {
        let ask = Ask::new(tenants);
        web::get().to(move |request: HttpRequest| {
            let ask = ask.clone();
            async move {
                let status = ask.answer(request.uri().query()).await;
                HttpResponse::new(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_domain_of_the_query_counts() {
        let read = |query| domain(query).map(|host| host.to_string());
        assert_eq!(
            read("domain=ACME.example.com").as_deref(),
            Some("acme.example.com")
        );
        assert_eq!(
            read("a=b&domain=acme.example.com").as_deref(),
            Some("acme.example.com")
        );
        for query in [
            "",
            "domain",
            "domain=",
            "domain=a.example&domain=b.example",
            "domain=a.example:443",
            "domain=a%2eexample",
            "domain=*.example.com",
            "domain=[::1]",
            "xdomain=a.example",
        ] {
            assert_eq!(read(query), None, "{query}");
        }
    }

    #[test]
    fn no_more_than_the_limit_in_a_second() {
        let limit = Limit::new(100);
        let start = Instant::now();
        let allowed = |at: Duration| (0..1_000).filter(|_| limit.take(start + at)).count();
        assert_eq!(allowed(Duration::ZERO), 100);
        assert_eq!(allowed(Duration::from_millis(100)), 10);
        assert_eq!(allowed(Duration::from_secs(10)), 100);
    }
}

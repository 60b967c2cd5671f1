//! [`Resolver`]: the chain of resolvers, and what else decides about a request's tenant.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use super::{
    ByHost, RequestHead, Resolve, ResolveError, Resolved, TenantKey,
    head::Trust,
    proxy::{ForwardedHost, TrustedProxies},
};
use crate::{schema_name::SchemaName, tenant::Tenant};

/// The chain of resolvers, the trusted proxies, the answer to requests without a tenant, and the guard. Cheap to clone.
///
/// The first resolver that finds a key in the request decides; then comes one look-up. Default: [`ByHost`] for every
/// host, no trusted proxies, 404 without a tenant, no guard.
///
/// # Example
/// ```
/// use tenant_core::resolve::{ByPath, BySubdomain, NoTenant, Resolver};
///
/// let resolver = Resolver::new(ByPath::prefix("/t"))
///     .or(BySubdomain::of("example.com")?.reserved(["www"]))
///     .without_tenant(NoTenant::Public);
/// # Ok::<(), tenant_core::HostError>(())
/// ```
#[derive(Clone)]
pub struct Resolver {
    chain: Vec<Arc<dyn Resolve>>,
    trust: Trust,
    without_tenant: NoTenant,
    guard: Option<Guard>,
}

/// The tenant of a request that names none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum NoTenant {
    /// None: the answer is 404.
    #[default]
    NotFound,
    /// The public tenant.
    Public,
    /// The tenant of this schema.
    Schema(SchemaName),
}

type Guard = Arc<dyn Fn(&RequestHead<'_>, &Tenant) -> GuardAnswer + Send + Sync>;
type GuardAnswer = Pin<Box<dyn Future<Output = bool> + Send>>;

impl Default for Resolver {
    fn default() -> Self {
        Self::new(ByHost::new())
    }
}

impl Resolver {
    /// Asks this resolver first.
    #[must_use]
    pub fn new(first: impl Resolve + 'static) -> Self {
        Self {
            chain: vec![Arc::new(first)],
            trust: Trust::default(),
            without_tenant: NoTenant::default(),
            guard: None,
        }
    }

    /// Asks this resolver if those before it find no key. [`ByHost::new`] finds one in each request, so it comes last.
    #[must_use]
    pub fn or(mut self, next: impl Resolve + 'static) -> Self {
        self.chain.push(Arc::new(next));
        self
    }

    /// Believes the headers of these peers. Default: of nobody.
    ///
    /// The server must tell the address of the peer: on axum, serve with
    /// `into_make_service_with_connect_info::<SocketAddr>()`. Without it, requests get 500.
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.trust.proxies = Some(proxies);
        self
    }

    /// Takes the host from this header where a trusted proxy sent it. Default: from the request's target and its `Host`.
    ///
    /// The proxy must set the header anew in each request. A list of hosts is refused.
    #[must_use]
    pub fn forwarded_host(mut self, header: ForwardedHost) -> Self {
        self.trust.forwarded_host = Some(header);
        self
    }

    /// Sets the tenant of requests that name none, and of hosts that no tenant has. Default: [`NoTenant::NotFound`].
    ///
    /// A request that names a tenant in another way than by its host gets 404 if there is no such tenant.
    #[must_use]
    pub fn without_tenant(mut self, tenant: NoTenant) -> Self {
        self.without_tenant = tenant;
        self
    }

    /// Sets a check that compares the tenant of a request with its session or token. Where it returns false, the answer
    /// is 403: a token of one tenant is used at the host of another. Default: no check.
    ///
    /// It runs after the look-up, for served tenants. It reads the request's head at once, and may return a future.
    ///
    /// # Example
    /// A token, whose claims an authentication middleware put into the extensions:
    /// ```
    /// use std::future::ready;
    /// use tenant_core::resolve::Resolver;
    ///
    /// #[derive(Clone)]
    /// struct Claims { tenant: i64 }
    ///
    /// // A request without a token passes: the handlers say who needs one.
    /// let resolver = Resolver::default().guard(|head, tenant| {
    ///     let claims = head.extension::<Claims>();
    ///     ready(claims.is_none_or(|claims| claims.tenant == tenant.id().0))
    /// });
    /// ```
    /// A session that is read asynchronously, such as `tower_sessions::Session`:
    /// ```
    /// use tenant_core::resolve::Resolver;
    /// # #[derive(Clone)] struct Session;
    /// # impl Session {
    /// #     async fn get<T>(&self, _: &str) -> Result<Option<T>, ()> { Ok(None) }
    /// # }
    ///
    /// let resolver = Resolver::default().guard(|head, tenant| {
    ///     let (session, id) = (head.extension::<Session>().cloned(), tenant.id().0);
    ///     async move {
    ///         let Some(session) = session else { return true };
    ///         match session.get::<i64>("tenant").await {
    ///             Ok(stored) => stored.is_none_or(|stored| stored == id),
    ///             Err(_) => false,
    ///         }
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn guard<G, F>(mut self, guard: G) -> Self
    where
        G: Fn(&RequestHead<'_>, &Tenant) -> F + Send + Sync + 'static,
        F: Future<Output = bool> + Send + 'static,
    {
        self.guard = Some(Arc::new(move |head, tenant| Box::pin(guard(head, tenant))));
        self
    }

    /// Returns the key in a request. `None` if it names no tenant. Does no look-up.
    ///
    /// # Errors
    /// [`ResolveError`] if the request is refused.
    pub fn resolve(&self, head: &RequestHead<'_>) -> Result<Option<Resolved>, ResolveError> {
        let head = head.with_trust(&self.trust);
        for resolver in &self.chain {
            if let Some(found) = resolver.resolve(&head)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Returns the key of the tenant for requests that name none.
    pub(crate) fn default_key(&self) -> Option<TenantKey> {
        match &self.without_tenant {
            NoTenant::NotFound => None,
            NoTenant::Public => Some(TenantKey::Schema(SchemaName::shared())),
            NoTenant::Schema(schema) => Some(TenantKey::Schema(schema.clone())),
        }
    }

    /// Asks the guard. `None` if there is none.
    pub(crate) fn ask_guard(&self, head: &RequestHead<'_>, tenant: &Tenant) -> Option<GuardAnswer> {
        let guard = self.guard.as_ref()?;
        Some(guard(&head.with_trust(&self.trust), tenant))
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("resolvers", &self.chain.len())
            .field("trust", &self.trust)
            .field("without_tenant", &self.without_tenant)
            .field("guard", &self.guard.is_some())
            .finish()
    }
}

#[cfg(test)]
pub(in crate::resolve) mod tests {
    use std::net::IpAddr;

    use http::{Request, request::Parts};

    use super::*;
    use crate::{
        host::{Host, HostError},
        resolve::{ByClaim, ByHeader, ByPath, KeyKind, by_fn},
        tenant::TenantId,
    };

    fn parts(path: &str, headers: &[(&str, &str)]) -> &'static Parts {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Box::leak(Box::new(request.body(()).unwrap().into_parts().0))
    }

    /// The head of a request to this host and path.
    pub(in crate::resolve) fn head(host: &str, path: &str) -> RequestHead<'static> {
        RequestHead::of_parts(parts(path, &[("host", host)]))
    }

    pub(in crate::resolve) fn key_of(
        resolver: &impl Resolve,
        head: &RequestHead<'_>,
    ) -> Result<Option<TenantKey>, ResolveError> {
        Ok(resolver.resolve(head)?.map(|found| found.key))
    }

    fn key(resolver: &Resolver, head: &RequestHead<'_>) -> Result<Option<TenantKey>, ResolveError> {
        Ok(resolver.resolve(head)?.map(|found| found.key))
    }

    fn schema(name: &str) -> TenantKey {
        KeyKind::Schema.parse(name).unwrap()
    }

    fn host(name: &str) -> TenantKey {
        TenantKey::Host(Host::parse(name).unwrap())
    }

    const PROXY: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)));
    const STRANGER: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));

    fn proxies() -> TrustedProxies {
        TrustedProxies::of(["10.0.0.0/8"]).unwrap()
    }

    #[test]
    fn the_first_resolver_that_finds_a_key_decides() {
        let resolver = Resolver::new(ByPath::prefix("/t"))
            .or(by_fn(|head| {
                Ok((head.query() == Some("x")).then(|| schema("initech")))
            }))
            .or(ByHost::new());
        assert_eq!(
            key(&resolver, &head("acme.example", "/t/globex/?x")),
            Ok(Some(schema("globex")))
        );
        assert_eq!(
            key(&resolver, &head("acme.example", "/?x")),
            Ok(Some(schema("initech")))
        );
        assert_eq!(
            key(&resolver, &head("acme.example", "/")),
            Ok(Some(host("acme.example")))
        );
        // A refusal ends the chain: the host does not answer for a path that names nobody.
        let refused = key(&resolver, &head("acme.example", "/t/%00/"));
        assert_eq!(refused, Err(ResolveError::NoSuchTenant));
    }

    #[test]
    fn a_header_counts_from_a_trusted_proxy_alone() {
        let request = parts("/", &[("host", "acme.example"), ("x-tenant", "globex")]);
        let head = RequestHead::of_parts(request);
        let by_header = || Resolver::new(ByHeader::named("X-Tenant")).or(ByHost::new());
        let (believed, ignored) = (Ok(Some(schema("globex"))), Ok(Some(host("acme.example"))));
        let resolver = by_header().trusted_proxies(proxies());
        assert_eq!(key(&resolver, &head.clone().with_peer(PROXY)), believed);
        assert_eq!(key(&resolver, &head.clone().with_peer(STRANGER)), ignored);
        assert_eq!(key(&resolver, &head), Err(ResolveError::NoPeer));
        // Nobody is trusted by default.
        assert_eq!(key(&by_header(), &head.clone().with_peer(PROXY)), ignored);
        let every = by_header().trusted_proxies(TrustedProxies::every_peer());
        assert_eq!(key(&every, &head), believed);
    }

    #[test]
    fn a_header_that_is_there_twice_or_no_text_is_refused() {
        let resolver = Resolver::new(ByHeader::named("x-tenant")).trusted_proxies(proxies());
        let twice = parts("/", &[("x-tenant", "acme"), ("x-tenant", "acme")]);
        let mut no_text = parts("/", &[]).clone();
        no_text
            .headers
            .insert("x-tenant", http::HeaderValue::from_bytes(b"acme\xff").unwrap());
        for request in [twice, &no_text] {
            let head = RequestHead::of_parts(request).with_peer(PROXY);
            assert_eq!(key(&resolver, &head), Err(ResolveError::Header));
        }
        let none = RequestHead::of_parts(parts("/", &[])).with_peer(PROXY);
        assert_eq!(key(&resolver, &none), Ok(None));
    }

    #[test]
    fn a_forwarded_host_counts_from_a_trusted_proxy_in_the_header_that_it_sets() {
        let request = parts(
            "/",
            &[
                ("host", "internal.test"),
                ("x-forwarded-host", "acme.example"),
                ("forwarded", "host=globex.example"),
            ],
        );
        let head = RequestHead::of_parts(request);
        let by_host = || Resolver::default().trusted_proxies(proxies());
        for (forwarded, expected) in [
            (ForwardedHost::XForwardedHost, "acme.example"),
            (ForwardedHost::Forwarded, "globex.example"),
        ] {
            let resolver = by_host().forwarded_host(forwarded);
            assert_eq!(
                key(&resolver, &head.clone().with_peer(PROXY)),
                Ok(Some(host(expected)))
            );
            let strange = head.clone().with_peer(STRANGER);
            assert_eq!(key(&resolver, &strange), Ok(Some(host("internal.test"))));
        }
        // Not without the header's name, nor without proxies.
        let proxied = head.with_peer(PROXY);
        assert_eq!(key(&by_host(), &proxied), Ok(Some(host("internal.test"))));
        let alone = Resolver::default().forwarded_host(ForwardedHost::XForwardedHost);
        assert_eq!(key(&alone, &proxied), Ok(Some(host("internal.test"))));
    }

    #[test]
    fn several_forwarded_hosts_are_refused() {
        let resolver = Resolver::default()
            .trusted_proxies(proxies())
            .forwarded_host(ForwardedHost::XForwardedHost);
        for headers in [
            [("x-forwarded-host", "a.example, b.example"), ("x-other", "")],
            [
                ("x-forwarded-host", "a.example"),
                ("x-forwarded-host", "a.example"),
            ],
        ] {
            let head = RequestHead::of_parts(parts("/", &headers)).with_peer(PROXY);
            assert!(
                matches!(key(&resolver, &head), Err(ResolveError::Host(_))),
                "{headers:?}"
            );
        }
        let none = RequestHead::of_parts(parts("/", &[])).with_peer(PROXY);
        assert_eq!(key(&resolver, &none), Err(HostError::NotOne.into()));
    }

    #[test]
    fn a_claim_is_read_from_the_extensions() {
        let resolver = Resolver::new(ByClaim::new(|id: &i64| {
            (*id > 0).then_some(TenantKey::Id(TenantId(*id)))
        }));
        let mut request = parts("/", &[]).clone();
        assert_eq!(key(&resolver, &RequestHead::of_parts(&request)), Ok(None));
        request.extensions.insert(7_i64);
        assert_eq!(
            key(&resolver, &RequestHead::of_parts(&request)),
            Ok(Some(TenantKey::Id(TenantId(7))))
        );
        request.extensions.insert(0_i64);
        assert_eq!(key(&resolver, &RequestHead::of_parts(&request)), Ok(None));
    }
}

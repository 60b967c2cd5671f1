//! Resolvers: pure functions from the head of a request to a [`TenantKey`].
//!
//! A resolver reads the host, the path, a header, or what the application's authentication put into the request's
//! extensions. It asks no database. [`Resolver`] is a chain of them, with the trusted proxies, the answer to requests
//! without a tenant, and the guard. The layer of axum and the middleware of actix-web take one, and do the look-up
//! behind it:
//!
//! | resolver | reads |
//! |---|---|
//! | [`ByHost`] (default) | the host: `acme.example.com`, `www.acme.com`, or a wildcard row `*.acme.com` |
//! | [`BySubdomain`] | one label below a domain: `acme` of `acme.example.com` |
//! | [`ByPath`] | one segment of the path: `acme` of `/t/acme/notes`, which handlers see as `/notes` |
//! | [`ByHeader`] | a header of a trusted proxy, such as an API gateway |
//! | [`ByClaim`] | a value in the request's extensions, such as the claims of a token |
//! | [`by_fn`] | whatever a closure reads |
//!
//! # Example
//! ```
//! use tenant_core::resolve::{ByHeader, ByHost, Resolver, TrustedProxies};
//!
//! // The gateway's header if there is one, else the host.
//! let resolver = Resolver::new(ByHeader::named("x-tenant"))
//!     .or(ByHost::new())
//!     .trusted_proxies(TrustedProxies::of(["10.0.0.0/8"])?);
//! # Ok::<(), tenant_core::resolve::ProxyError>(())
//! ```

mod claim;
mod head;
mod header;
mod host;
mod key;
mod path;
mod proxy;
mod resolver;

pub use claim::ByClaim;
pub use head::RequestHead;
pub use header::ByHeader;
pub use host::{ByHost, BySubdomain};
pub use key::{KeyKind, TenantKey};
pub use path::{ByPath, PathPrefix};
pub use proxy::{ForwardedHost, ProxyError, TrustedProxies};
pub use resolver::{NoTenant, Resolver};

use crate::host::HostError;

/// A pure function from the head of a request to the key of its tenant.
pub trait Resolve: Send + Sync {
    /// Returns what the request names, or `None` if it names no tenant in the place where this resolver looks: the next
    /// resolver of the chain is asked then.
    ///
    /// # Errors
    /// [`ResolveError`] if the request is refused without a look-up, and without asking the next resolver.
    fn resolve(&self, head: &RequestHead<'_>) -> Result<Option<Resolved>, ResolveError>;
}

/// The tenant that a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    pub(crate) key: TenantKey,
    /// The bytes at the start of the path that named the tenant. They are removed before the routes are matched.
    pub(crate) path_prefix: usize,
}

impl Resolved {
    /// Returns the key, for [`Tenants::find`](crate::Tenants::find).
    #[must_use]
    pub fn key(&self) -> &TenantKey {
        &self.key
    }
}

impl From<TenantKey> for Resolved {
    fn from(key: TenantKey) -> Self {
        Self { key, path_prefix: 0 }
    }
}

/// Error of a request that is refused without a look-up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The request has no host, several hosts, or a malformed one: 400.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A header that names the tenant is there twice, or is no text: 400.
    #[error("the header that names the tenant is there twice, or is no text")]
    Header,
    /// The request names a tenant that cannot exist, such as one with a space in its name: 404.
    #[error("the request names a tenant that cannot exist")]
    NoSuchTenant,
    /// Proxies are trusted, and the server did not say where the request comes from: 500.
    #[error(
        "proxies are trusted, and the address of the peer is not known: serve with \
         `into_make_service_with_connect_info::<SocketAddr>()` (axum), or trust every peer if only the proxy can reach \
         the server"
    )]
    NoPeer,
}

/// Makes a resolver of a closure.
///
/// # Example
/// ```
/// use tenant_core::resolve::{KeyKind, Resolver, by_fn};
///
/// // `?tenant=acme`, for development.
/// let resolver = Resolver::new(by_fn(|head| {
///     let name = head.query().and_then(|query| query.strip_prefix("tenant="));
///     name.map(|name| KeyKind::Schema.parse(name)).transpose()
/// }));
/// ```
pub fn by_fn<F>(resolve: F) -> impl Resolve
where
    F: Fn(&RequestHead<'_>) -> Result<Option<TenantKey>, ResolveError> + Send + Sync,
{
    ByFn(resolve)
}

struct ByFn<F>(F);

impl<F> Resolve for ByFn<F>
where
    F: Fn(&RequestHead<'_>) -> Result<Option<TenantKey>, ResolveError> + Send + Sync,
{
    fn resolve(&self, head: &RequestHead<'_>) -> Result<Option<Resolved>, ResolveError> {
        Ok((self.0)(head)?.map(Resolved::from))
    }
}

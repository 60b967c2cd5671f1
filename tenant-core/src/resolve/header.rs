//! [`ByHeader`].

use super::{KeyKind, RequestHead, Resolve, ResolveError, Resolved};

/// Finds the tenant by a header of a trusted proxy, such as an API gateway that checked a token.
///
/// The header of any other peer is ignored, as if it were not there: see
/// [`Resolver::trusted_proxies`](super::Resolver::trusted_proxies). The proxy must set or remove the header in every
/// request that it passes on.
///
/// # Example
/// ```
/// use tenant_core::resolve::{ByHeader, KeyKind, Resolver, TrustedProxies};
///
/// let resolver = Resolver::new(ByHeader::named("x-tenant").kind(KeyKind::Id))
///     .trusted_proxies(TrustedProxies::of(["10.0.0.0/8"])?);
/// # Ok::<(), tenant_core::resolve::ProxyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ByHeader {
    name: String,
    kind: KeyKind,
}

impl ByHeader {
    /// Reads the header of this name. Case does not matter.
    #[must_use]
    pub fn named(name: impl AsRef<str>) -> Self {
        Self {
            name: name.as_ref().to_ascii_lowercase(),
            kind: KeyKind::default(),
        }
    }

    /// Sets the meaning of the value. Default: [`KeyKind::Schema`].
    #[must_use]
    pub fn kind(mut self, kind: KeyKind) -> Self {
        self.kind = kind;
        self
    }
}

impl Resolve for ByHeader {
    fn resolve(&self, head: &RequestHead<'_>) -> Result<Option<Resolved>, ResolveError> {
        if !head.is_from_trusted_proxy()? {
            return Ok(None);
        }
        let Some(value) = head.header(&self.name)? else {
            return Ok(None);
        };
        self.kind.parse(value).map(|key| Some(key.into()))
    }
}

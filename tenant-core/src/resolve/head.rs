//! [`RequestHead`]: what resolvers read of a request, the same on all frameworks.

use std::net::IpAddr;

use super::{
    ResolveError,
    proxy::{ForwardedHost, TrustedProxies},
};
use crate::host::{Host, HostError, request_host};

/// The head of a request: its target, headers, extensions and peer. It borrows from the framework's own request.
///
/// # Example
/// ```
/// use tenant_core::resolve::RequestHead;
///
/// let request = http::Request::get("/notes?page=2").header("host", "acme.example.com").body(())?;
/// let (parts, ()) = request.into_parts();
/// let head = RequestHead::of_parts(&parts);
/// assert_eq!(head.path(), "/notes");
/// assert_eq!(head.host()?.as_str(), "acme.example.com");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RequestHead<'a> {
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    source: Source<'a>,
    peer: Option<IpAddr>,
    trust: Option<&'a Trust>,
}

/// Headers and extensions, in the types of the framework.
#[derive(Debug, Clone)]
enum Source<'a> {
    Http {
        headers: &'a http::HeaderMap,
        extensions: &'a http::Extensions,
    },
    #[cfg(feature = "actix")]
    Actix {
        headers: &'a actix_web::http::header::HeaderMap,
        extensions: &'a actix_web::dev::Extensions,
    },
}

/// The proxies whose headers are believed, and the header for the host.
#[derive(Debug, Clone, Default)]
pub(super) struct Trust {
    pub(super) proxies: Option<TrustedProxies>,
    pub(super) forwarded_host: Option<ForwardedHost>,
}

impl<'a> RequestHead<'a> {
    /// Borrows the head of a request in the types of the crate `http`, which axum, tonic and others use.
    #[must_use]
    pub fn of_parts(parts: &'a http::request::Parts) -> Self {
        // RFC 9112, section 3.2: a request of HTTP/1.1 has a `Host` header, even if its target has a host.
        let counts =
            parts.version != http::Version::HTTP_11 || parts.headers.contains_key(http::header::HOST);
        Self {
            authority: parts
                .uri
                .authority()
                .filter(|_| counts)
                .map(http::uri::Authority::as_str),
            path: parts.uri.path(),
            query: parts.uri.query(),
            source: Source::Http {
                headers: &parts.headers,
                extensions: &parts.extensions,
            },
            peer: None,
            trust: None,
        }
    }

    /// Borrows the head of a request to actix-web.
    #[cfg(feature = "actix")]
    pub(crate) fn of_actix(
        head: &'a actix_web::dev::RequestHead,
        extensions: &'a actix_web::dev::Extensions,
    ) -> Self {
        use actix_web::http::{Version, header::HOST};
        // As above.
        let counts = head.version != Version::HTTP_11 || head.headers.contains_key(HOST);
        Self {
            authority: head
                .uri
                .authority()
                .filter(|_| counts)
                .map(actix_web::http::uri::Authority::as_str),
            path: head.uri.path(),
            query: head.uri.query(),
            source: Source::Actix {
                headers: &head.headers,
                extensions,
            },
            peer: head.peer_addr.map(|peer| peer.ip()),
            trust: None,
        }
    }

    /// Sets the address of the peer: of the client, or of the proxy in front.
    #[must_use]
    pub fn with_peer(mut self, peer: Option<IpAddr>) -> Self {
        self.peer = peer;
        self
    }

    pub(super) fn with_trust(&self, trust: &'a Trust) -> Self {
        let mut head = self.clone();
        head.trust = Some(trust);
        head
    }

    /// Returns the path, as it was sent.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// Returns the query, as it was sent and without the question mark.
    #[must_use]
    pub fn query(&self) -> Option<&'a str> {
        self.query
    }

    /// Returns the address of the peer, if the server told it.
    #[must_use]
    pub fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// Returns the value of a header that may be there once. **Any client can write any header**: ask
    /// [`is_from_trusted_proxy`](Self::is_from_trusted_proxy) before you believe one.
    ///
    /// # Errors
    /// [`ResolveError::Header`] if the header is there twice or is no ASCII text.
    pub fn header(&self, name: &str) -> Result<Option<&'a str>, ResolveError> {
        match self.first_two(name) {
            [Some(_), Some(_)] => Err(ResolveError::Header),
            [Some(value), None] => {
                let text = std::str::from_utf8(value).map_err(|_| ResolveError::Header)?;
                Ok(Some(text))
            }
            [None, _] => Ok(None),
        }
    }

    /// Returns a value that a middleware in front put into the request's extensions.
    #[must_use]
    pub fn extension<T: Send + Sync + 'static>(&self) -> Option<&'a T> {
        match &self.source {
            Source::Http { extensions, .. } => extensions.get(),
            #[cfg(feature = "actix")]
            Source::Actix { extensions, .. } => extensions.get(),
        }
    }

    /// True if the peer is one of the [`TrustedProxies`] of the [`Resolver`](super::Resolver).
    ///
    /// # Errors
    /// [`ResolveError::NoPeer`] if there are trusted proxies, and the address of the peer is not known.
    pub fn is_from_trusted_proxy(&self) -> Result<bool, ResolveError> {
        let proxies = self.trust.and_then(|trust| trust.proxies.as_ref());
        proxies.map_or(Ok(false), |proxies| proxies.trust(self.peer))
    }

    /// Returns the host of the request: of its target or its only `Host` header, which must agree. If a trusted proxy
    /// forwards the host in the configured header, that one counts.
    ///
    /// # Errors
    /// [`ResolveError`] if there is no host, more than one, or a malformed one.
    pub fn host(&self) -> Result<Host, ResolveError> {
        if let Some(host) = self.forwarded_host()? {
            return Ok(host);
        }
        let headers = self.first_two("host");
        Ok(request_host(self.authority, headers.into_iter().flatten())?)
    }

    fn forwarded_host(&self) -> Result<Option<Host>, ResolveError> {
        let Some(forwarded) = self.trust.and_then(|trust| trust.forwarded_host) else {
            return Ok(None);
        };
        if !self.is_from_trusted_proxy()? {
            return Ok(None);
        }
        let value = match self.first_two(forwarded.header()) {
            [None, _] => return Ok(None),
            [Some(value), None] => value,
            [Some(_), Some(_)] => return Err(HostError::NotOne.into()),
        };
        let text = std::str::from_utf8(value).map_err(|_| HostError::Label)?;
        Ok(forwarded.parse(text)?)
    }

    /// Returns the first two values of a header: with a second one, it is ambiguous.
    fn first_two(&self, name: &str) -> [Option<&'a [u8]>; 2] {
        match &self.source {
            Source::Http { headers, .. } => {
                let mut values = headers.get_all(name).iter();
                [(); 2].map(|()| values.next().map(http::HeaderValue::as_bytes))
            }
            #[cfg(feature = "actix")]
            Source::Actix { headers, .. } => {
                let mut values = headers.get_all(name);
                [(); 2].map(|()| values.next().map(actix_web::http::header::HeaderValue::as_bytes))
            }
        }
    }
}

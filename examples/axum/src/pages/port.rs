//! [`Port`]: the port that the client used.

use std::{convert::Infallible, fmt};

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, header::HOST, request::Parts, uri::Authority},
};

/// The port that the client used, as it stands in an address: `:8000`, or nothing where it used the usual one.
pub(crate) struct Port(Option<u16>);

impl<S: Sync> FromRequestParts<S> for Port {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = || parts.headers.get(HOST).map(HeaderValue::to_str)?.ok();
        let authority = parts.uri.authority().map(Authority::as_str).or_else(header);
        let port = authority.and_then(|authority| authority.rsplit_once(':'));
        Ok(Self(port.and_then(|(_, port)| port.parse().ok())))
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

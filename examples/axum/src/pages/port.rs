//! [`Port`]: the port in the request's address.

use std::{convert::Infallible, fmt};

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, header::HOST, request::Parts, uri::Authority},
};

/// The port in the request's address. Displayed as `:8000`, or as nothing if the request named no port.
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

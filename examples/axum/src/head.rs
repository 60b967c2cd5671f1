//! Conversion of a request's head.

use axum::{
    extract::FromRequestParts,
    http::{
        HeaderMap, HeaderValue, Method, Uri,
        header::{AUTHORIZATION, HOST, ORIGIN},
        request::Parts,
        uri::Authority,
    },
};
use example_app::{AppError, Head, Site, operator, pages};

use crate::reply::Page;

pub(crate) fn head<'a>(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap) -> Head<'a> {
    let host = || headers.get(HOST).map(HeaderValue::to_str)?.ok();
    Head {
        method: method.as_str(),
        authority: uri.authority().map(Authority::as_str).or_else(host),
        origin: headers.get(ORIGIN).map(HeaderValue::as_bytes),
        sec_fetch_site: headers.get("sec-fetch-site").map(HeaderValue::as_bytes),
        authorization: headers.get(AUTHORIZATION).map(HeaderValue::as_bytes),
    }
}

fn head_of(parts: &Parts) -> Head<'_> {
    head(&parts.method, &parts.uri, &parts.headers)
}

/// The port in the request's authority.
pub(crate) struct Port(pub(crate) pages::Port);

impl<S: Sync> FromRequestParts<S> for Port {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(head_of(parts).port()))
    }
}

/// The operator of the site. Requests without the token are answered.
pub(crate) struct Operator(pub(crate) operator::Operator);

impl FromRequestParts<Site> for Operator {
    type Rejection = Page;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Page> {
        let operator = site.operator(&head_of(parts));
        operator.map(Self).map_err(|error: AppError| error.into())
    }
}

//! Conversion of a request's head.

use std::{
    convert::Infallible,
    future::{Ready, ready},
};

use actix_web::{
    Error, FromRequest, HttpRequest,
    dev::{Payload, RequestHead},
    http::{
        header::{AUTHORIZATION, HOST, HeaderValue, ORIGIN},
        uri::Authority,
    },
    web::ThinData,
};
use example_app::{AppError, Head, Site, operator, pages};

use crate::reply::Page;

pub(crate) fn head(request: &RequestHead) -> Head<'_> {
    let headers = request.headers();
    let host = || headers.get(HOST).map(HeaderValue::to_str)?.ok();
    Head {
        method: request.method.as_str(),
        authority: request.uri.authority().map(Authority::as_str).or_else(host),
        origin: headers.get(ORIGIN).map(HeaderValue::as_bytes),
        sec_fetch_site: headers.get("sec-fetch-site").map(HeaderValue::as_bytes),
        authorization: headers.get(AUTHORIZATION).map(HeaderValue::as_bytes),
    }
}

/// The port in the request's authority.
pub(crate) struct Port(pub(crate) pages::Port);

impl FromRequest for Port {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(head(request.head()).port())))
    }
}

/// The operator of the site. Requests without the token are answered.
pub(crate) struct Operator(pub(crate) operator::Operator);

impl FromRequest for Operator {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let site = request.app_data::<ThinData<Site>>();
        let operator = site
            .ok_or(AppError::NotFound)
            .and_then(|site| site.operator(&head(request.head())));
        ready(operator.map(Self).map_err(|error| Page::from(error).into()))
    }
}

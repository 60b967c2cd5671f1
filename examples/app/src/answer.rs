//! [`Answer`]: the response of a handler.

use std::borrow::Cow;

use askama::Template;
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use serde::Serialize;

use crate::error::AppError;

/// The response of a handler, of no web framework.
pub type Answer = http::Response<Cow<'static, str>>;

/// Headers of all responses: pages load nothing from other sites, run no scripts and cannot be framed.
pub const SECURITY_HEADERS: [(&str, &str); 3] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
];

/// `Cache-Control` of responses that have none: shared caches do not store them, and browsers revalidate them.
pub const CACHE_CONTROL: &str = "private, no-cache";

pub(crate) fn html(status: StatusCode, page: &impl Template) -> Result<Answer, AppError> {
    Ok(answer(status, "text/html; charset=utf-8", page.render()?))
}

pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Result<Answer, AppError> {
    Ok(answer(status, "application/json", serde_json::to_string(value)?))
}

/// Answers a form: the browser gets `location`, so that a reload does not send the form again.
pub(crate) fn see_other(location: &str) -> Result<Answer, AppError> {
    let location = HeaderValue::from_str(location)?;
    let mut answer = empty(StatusCode::SEE_OTHER);
    answer.headers_mut().insert(LOCATION, location);
    Ok(answer)
}

pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = status;
    answer
}

pub(crate) fn answer(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Cow<'static, str>>,
) -> Answer {
    let mut answer = Answer::new(body.into());
    *answer.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

//! [`PageError`]: an error as a page.

use askama::Template;
use http::{HeaderValue, StatusCode, header::WWW_AUTHENTICATE};

use crate::{
    answer::{self, Answer},
    error::AppError,
    operator::CHALLENGE,
};

/// An error that is answered as a page.
#[derive(Debug)]
pub struct PageError(AppError);

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    status: u16,
    reason: &'static str,
    message: String,
}

impl<E: Into<AppError>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl From<PageError> for Answer {
    fn from(error: PageError) -> Self {
        error.0.log();
        let status = error.0.status();
        let page = ErrorPage {
            status: status.as_u16(),
            reason: reason(status),
            message: error.0.public_message(),
        };
        let mut answer = answer::html(status, &page).unwrap_or_else(|_| answer::empty(status));
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static(CHALLENGE);
            answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        answer
    }
}

fn reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "This page does not exist",
        StatusCode::UNAUTHORIZED => "Please sign in",
        StatusCode::FORBIDDEN => "This was not allowed",
        StatusCode::SERVICE_UNAVAILABLE => "One moment, please",
        status if status.is_server_error() => "That is our fault",
        _ => "This did not work",
    }
}

//! [`PageError`]: an error as a page.

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::render;
use crate::error::AppError;

/// An error that is answered as a page.
#[derive(Debug)]
pub(crate) struct PageError(pub(crate) AppError);

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    status: u16,
    reason: &'static str,
    message: String,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        self.0.log();
        let status = self.0.status();
        let page = ErrorPage {
            status: status.as_u16(),
            reason: reason(status),
            message: self.0.public_message(),
        };
        render(status, &page).unwrap_or_else(|_| status.into_response())
    }
}

impl<E: Into<AppError>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

fn reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "This page does not exist",
        StatusCode::FORBIDDEN => "This was not allowed",
        StatusCode::SERVICE_UNAVAILABLE => "One moment, please",
        status if status.is_server_error() => "That is our fault",
        _ => "This did not work",
    }
}

//! [`Page`] and [`Api`]: conversion of answers to responses.

use axum::{
    body::Body,
    extract::rejection::{FormRejection, JsonRejection, PathRejection},
    response::{IntoResponse, Response},
};
use example_app::{Answer, AppError, api::ApiError, pages::PageError};

/// The answer of a handler, or the answer to its error.
pub(crate) struct Reply<E>(Result<Answer, E>);

/// An answer whose errors are pages.
pub(crate) type Page = Reply<PageError>;

/// An answer whose errors are JSON.
pub(crate) type Api = Reply<ApiError>;

impl<E: Into<Answer>> IntoResponse for Reply<E> {
    fn into_response(self) -> Response {
        self.0.unwrap_or_else(Into::into).map(Body::from)
    }
}

impl<E> From<Result<Answer, E>> for Reply<E> {
    fn from(result: Result<Answer, E>) -> Self {
        Self(result)
    }
}

impl<E: From<AppError>> From<AppError> for Reply<E> {
    fn from(error: AppError) -> Self {
        Self(Err(error.into()))
    }
}

/// A parameter of a path that cannot be parsed names nothing.
impl<E: From<AppError>> From<PathRejection> for Reply<E> {
    fn from(_: PathRejection) -> Self {
        AppError::NotFound.into()
    }
}

impl From<JsonRejection> for Api {
    fn from(rejection: JsonRejection) -> Self {
        AppError::unreadable(rejection.status().as_u16(), rejection.body_text()).into()
    }
}

impl From<FormRejection> for Page {
    fn from(rejection: FormRejection) -> Self {
        AppError::unreadable(rejection.status().as_u16(), rejection.body_text()).into()
    }
}

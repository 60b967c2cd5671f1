//! [`ApiError`]: an error as JSON.

use serde::Serialize;

use crate::{
    answer::{self, Answer},
    error::AppError,
};

/// An error that is answered as `{"error": "..."}`.
#[derive(Debug)]
pub struct ApiError(AppError);

#[derive(Serialize)]
struct Body {
    error: String,
}

impl<E: Into<AppError>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl From<ApiError> for Answer {
    fn from(error: ApiError) -> Self {
        error.0.log();
        let status = error.0.status();
        let error = error.0.public_message();
        answer::json(status, &Body { error }).unwrap_or_else(|_| answer::empty(status))
    }
}

//! [`ApiError`]: an error as JSON.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::error::AppError;

/// An error that is answered as `{"error": "..."}`.
#[derive(Debug)]
pub(crate) struct ApiError(pub(crate) AppError);

#[derive(Serialize)]
struct Body {
    error: String,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.0.log();
        let error = self.0.public_message();
        (self.0.status(), Json(Body { error })).into_response()
    }
}

impl<E: Into<AppError>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

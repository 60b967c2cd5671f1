//! Extractors that answer in JSON when they fail.

use axum::extract::{FromRequest, FromRequestParts};

use super::error::ApiError;

/// The body of a request.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(ApiError))]
pub(crate) struct Json<T>(pub(crate) T);

/// The id in a path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
pub(crate) struct Path<T>(pub(crate) T);

//! The JSON API, below `/api`.

mod error;
mod extract;
mod notes;
mod plans;
mod tenants;
mod whoami;

use axum::{Router, routing::get};

use crate::{app::Site, error::AppError};
pub(crate) use error::ApiError;

/// Returns the routes of the main site's API.
pub(crate) fn public() -> Router<Site> {
    Router::new()
        .route("/tenants", get(tenants::list).post(tenants::create))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
}

/// Returns the routes of a tenant's API.
pub(crate) fn tenant() -> Router {
    Router::new()
        .route("/notes", get(notes::list).post(notes::create))
        .route(
            "/notes/{id}",
            get(notes::show).put(notes::replace).delete(notes::delete),
        )
        .route("/plans", get(plans::list))
        .route("/stats", get(plans::stats))
        .route("/whoami", get(whoami::show))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
}

async fn not_found() -> ApiError {
    ApiError(AppError::NotFound)
}

async fn method_not_allowed() -> ApiError {
    ApiError(AppError::MethodNotAllowed)
}

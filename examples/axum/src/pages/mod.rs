//! The pages. The server renders them. They work without scripts: a form is posted, and the answer redirects.

mod assets;
mod error;
mod form;
mod landing;
mod notes;
mod port;
mod team;

use askama::Template;
use axum::{
    Router,
    http::StatusCode,
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};

use crate::{app::Site, error::AppError};
pub(crate) use assets::STYLE_PATH;
pub(crate) use error::PageError;
use team::Team;

/// Returns the routes of the main site's pages.
pub(crate) fn public() -> Router<Site> {
    Router::new()
        .route("/", get(landing::show))
        // If a browser reloads the answer to an invalid form, it gets an empty form.
        .route("/signup", get(landing::show).post(landing::sign_up))
        .merge(assets::routes())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
}

/// Returns the routes of a tenant's pages.
pub(crate) fn tenant() -> Router {
    Router::new()
        .route("/", get(notes::list))
        .route("/notes", get(notes::list).post(notes::create))
        .route("/notes/{id}", get(notes::edit).post(notes::save))
        .route("/notes/{id}/edit", get(notes::edit))
        .route("/notes/{id}/delete", post(notes::delete))
        .merge(assets::routes())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
}

fn render(status: StatusCode, page: &impl Template) -> Result<Response, AppError> {
    Ok((status, Html(page.render()?)).into_response())
}

async fn not_found() -> PageError {
    PageError(AppError::NotFound)
}

async fn method_not_allowed() -> PageError {
    PageError(AppError::MethodNotAllowed)
}

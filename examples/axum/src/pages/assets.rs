//! Static files of the pages. They are compiled into the program, so that a deployment is one file.

use axum::{
    Router,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};

const STYLE: &str = include_str!("../../assets/style.css");
const ICON: &str = include_str!("../../assets/icon.svg");

/// Path of the style sheet. It contains the version, so that no cache serves the style sheet of an older version.
pub(crate) const STYLE_PATH: &str = concat!("/style.css?", env!("CARGO_PKG_VERSION"));

pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(
            "/style.css",
            get(async || asset("text/css; charset=utf-8", STYLE)),
        )
        .route("/icon.svg", get(async || asset("image/svg+xml", ICON)))
}

fn asset(kind: &'static str, content: &'static str) -> impl IntoResponse + use<> {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "max-age=300")], content)
}

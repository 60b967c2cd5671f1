//! [`metrics`]: the application for Prometheus.

use axum::{Router, routing::get};
use example_app::{AppError, Metrics};

use crate::reply::Api;

/// Returns the router of the address for scrapes, `/metrics`.
pub fn metrics(metrics: Metrics) -> Router {
    Router::new()
        .route("/metrics", get(async move || Api::from(Ok(metrics.scrape()))))
        .fallback(async || Api::from(AppError::NotFound))
}

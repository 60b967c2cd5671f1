//! [`metrics`]: the application for Prometheus.

use actix_web::web::{self, ServiceConfig};
use example_app::{AppError, Metrics};

use crate::{app::get, reply::Api};

/// Adds the routes of the address for scrapes: `/metrics`.
pub fn metrics(metrics: Metrics) -> impl FnOnce(&mut ServiceConfig) {
    let scrape = move || {
        let answer = metrics.scrape();
        async { Api::from(Ok(answer)) }
    };
    |config| {
        config
            .service(web::resource("/metrics").route(get().to(scrape)))
            .default_service(web::to(async || Api::from(AppError::NotFound)));
    }
}

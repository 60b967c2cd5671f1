//! [`Metrics`]: the figures of the process, for Prometheus.
//!
//! They have a port of their own, which nobody outside reaches. Prometheus scrapes each process by its address, and that is
//! the host of no tenant. Such a port needs no token, and no tenant's page is called `/metrics` for it.

use std::time::Duration;

use http::StatusCode;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tenant_core::Tenants;

use crate::answer::{self, Answer};

/// Buckets of the duration of requests, in seconds: those that OpenTelemetry recommends for
/// `http.server.request.duration` (<https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>).
const BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Time after which the recorder sums up what it was given, if nobody scrapes it: 5 s. It keeps each value until then.
const UPKEEP: Duration = Duration::from_secs(5);

/// Recorder of the process. Install it before the first request.
#[derive(Clone)]
pub struct Recorder(PrometheusHandle);

/// The figures of the process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    recorder: Recorder,
    tenants: Tenants,
}

impl Recorder {
    /// Installs the recorder of the process.
    ///
    /// # Errors
    /// [`BuildError`] if the process has one already.
    pub fn install() -> Result<Self, BuildError> {
        let duration = Matcher::Full("tenant_request_duration_seconds".to_owned());
        let builder = PrometheusBuilder::new().set_buckets_for_metric(duration, &BUCKETS)?;
        builder.install_recorder().map(Self)
    }

    /// Sums up what was recorded, every 5 s.
    pub async fn keep_up(self) {
        loop {
            tokio::time::sleep(UPKEEP).await;
            self.0.run_upkeep();
        }
    }
}

impl Metrics {
    /// Creates the figures of `tenants`.
    #[must_use]
    pub fn new(recorder: Recorder, tenants: Tenants) -> Self {
        Self { recorder, tenants }
    }

    /// Answers a scrape, `GET /metrics`.
    #[must_use]
    pub fn scrape(&self) -> Answer {
        self.tenants.record_metrics();
        let text = self.recorder.0.render();
        answer::answer(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text)
    }
}

//! Log lines. Each line of a request has the tenant's schema: [`TenantLayer`] opens a span with the schema, and the
//! request is handled inside of the span.
//!
//! [`TenantLayer`]: tenant_core::axum::TenantLayer

use std::{
    io::{IsTerminal, stdout},
    time::Duration,
};

use axum::{extract::Request, http::Response};
use tower_http::{
    classify::{ServerErrorsAsFailures, SharedClassifier},
    trace::TraceLayer,
};
use tracing::Span;
use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

const DEFAULT_FILTER: &str = "info,sqlx=warn";

/// Starts to write log lines to the standard output. Does nothing if a subscriber is already set.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let result = match format {
        LogFormat::Text => builder.with_ansi(stdout().is_terminal()).try_init(),
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .try_init(),
    };
    if let Err(error) = result {
        tracing::debug!("logs are written elsewhere: {error}");
    }
}

type Requests = TraceLayer<
    SharedClassifier<ServerErrorsAsFailures>,
    fn(&Request) -> Span,
    (),
    fn(&Response<axum::body::Body>, Duration, &Span),
    (),
    (),
    (),
>;

/// Returns a layer that logs each request when it is answered. It leaves out the query, which may contain private data.
pub(crate) fn requests() -> Requests {
    TraceLayer::new_for_http()
        .make_span_with(span as fn(&Request) -> Span)
        .on_request(())
        .on_response(answered as fn(&Response<axum::body::Body>, Duration, &Span))
        .on_body_chunk(())
        .on_eos(())
        // A line here would repeat the line of the response. Errors are logged where they happen.
        .on_failure(())
}

fn span(request: &Request) -> Span {
    tracing::info_span!("request", method = %request.method(), path = request.uri().path())
}

fn answered<B>(response: &Response<B>, latency: Duration, _: &Span) {
    tracing::info!(
        status = response.status().as_u16(),
        ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
        "answered"
    );
}

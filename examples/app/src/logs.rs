//! Log lines. Each line of a request has the tenant's schema: the layer of `tenant-core` opens a span with the schema,
//! and the request is handled inside of the span.

use std::{
    io::{IsTerminal, stdout},
    time::Duration,
};

use tracing::Span;
use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

const DEFAULT_FILTER: &str = "info,sqlx=warn,actix_server=warn";

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

/// Returns the span of a request. `path` is without the query, which may contain private data.
pub fn span(method: &str, path: &str) -> Span {
    tracing::info_span!("request", method, path)
}

/// Logs the answer to a request. Call it inside of the request's [`span`].
pub fn answered(status: u16, latency: Duration) {
    let ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(status, ms, "answered");
}

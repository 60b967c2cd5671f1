//! Metrics for the recorder of the application, by the crate [`metrics`](https://docs.rs/metrics). Feature `metrics`.
//!
//! `TenantLayer` (axum) and `TenantMiddleware` (actix-web) measure requests. Other frameworks do so by
//! [`Tenants::record_answer`](crate::Tenants::record_answer) and [`Rejection::record`](crate::web::Rejection::record).
//!
//! The figures of connections, cache and statements are read when they are asked for: call
//! [`Tenants::record_metrics`](crate::Tenants::record_metrics) before each scrape. They are since the handle was made. A
//! process should have one [`Tenants`](crate::Tenants): the figures of two would be mixed up.
//!
//! Install the recorder before the first request. Handles that were made without one stay silent.
//!
//! # Labels
//! The label `tenant` is the tenant's schema for the tenants that [`MeasuredTenants`] names, and `other` for all others. So
//! there are at most as many tenants in the metrics as it allows, and `other`. Hosts, paths and other texts of clients are
//! no labels: requests for unknown hosts make no series.
//!
//! # Requests
//! | name | type | unit | labels | meaning |
//! |---|---|---|---|---|
//! | `tenant_requests_total` | counter | requests | `tenant`, `status`: `1xx` to `5xx` | requests of served tenants that were answered |
//! | `tenant_request_duration_seconds` | histogram | seconds | `tenant` | time from the head of a request to that of its answer, the look-up of the tenant included |
//! | `tenant_rejections_total` | counter | requests | `reason` | requests without a tenant that is served; the reasons are those of [`Rejection::reason`](crate::web::Rejection::reason) |
//!
//! A request whose client goes away before the answer is in none of them.
//!
//! # Connections
//! They are left out if the application brought its own connection. See [`PoolStatus`](crate::PoolStatus).
//!
//! | name | type | unit | labels | meaning |
//! |---|---|---|---|---|
//! | `tenant_pool_connections_max` | gauge | connections | | the `max_connections` |
//! | `tenant_pool_connections` | gauge | connections | | open connections |
//! | `tenant_pool_connections_busy` | gauge | connections | | connections in use, or being opened or reset |
//! | `tenant_pool_tenants_busy` | gauge | tenants | | tenants that use a connection |
//! | `tenant_pool_waiting` | gauge | requests | | requests that wait for a connection |
//! | `tenant_pool_wait_seconds_bucket` | counter | requests | `le`: seconds, and `+Inf` | requests that waited no longer, as the buckets of a Prometheus histogram |
//! | `tenant_pool_acquires_total` | counter | requests | `home`: `hit`, `miss` | requests that got one of the two home connections of their tenant, or another |
//! | `tenant_pool_opened_total` | counter | connections | | opened connections |
//! | `tenant_pool_closed_total` | counter | connections | `reason`: `lost`, `unguarded`, `expired`, `idle`, `not_cleaned` | closed connections, see [`ClosedConnections`](crate::ClosedConnections) |
//! | `tenant_pool_statements_kept` | gauge | statements | | prepared statements that idle connections keep |
//! | `tenant_pool_statements_renewed_total` | counter | statements | | statements that were sent again because the types of their columns changed |
//!
//! # Cache of hosts
//! See [`CacheStatus`](crate::CacheStatus).
//!
//! | name | type | unit | labels | meaning |
//! |---|---|---|---|---|
//! | `tenant_cache_entries` | gauge | keys | `of`: `tenants`, `unknown` | cached hosts and other keys that have a tenant, or none |
//! | `tenant_cache_requests_total` | counter | requests | `result`: `hit`, `unknown_hit`, `miss` | look-ups of requests |
//! | `tenant_cache_stale_total` | counter | requests | | misses that got the tenant that was cached before |
//! | `tenant_cache_loads_total` | counter | queries | | look-ups in the catalog |
//! | `tenant_cache_load_failures_total` | counter | queries | | look-ups that failed |
//! | `tenant_cache_evictions_total` | counter | keys | | tenants that were dropped because the cache was full |
//! | `tenant_cache_invalidations_total` | counter | | | times that entries were dropped because the catalog changed |
//! | `tenant_cache_listening` | gauge | | | 1 while changes of other processes are listened for, else 0 |
//!
//! # Statements
//! See [`StatementStatus`](crate::StatementStatus).
//!
//! | name | type | unit | labels | meaning |
//! |---|---|---|---|---|
//! | `tenant_statements_cached` | gauge | statements | | texts in the cache of compiled statements |
//! | `tenant_statements_cached_bytes` | gauge | bytes | | their size |
//! | `tenant_statements_parsed_total` | counter | statements | | texts that were parsed, because they were not cached |
//! | `tenant_statements_refused_total` | counter | statements | | statements that were refused: each is a bug of the application, or an attack |
//!
//! # Example
//! A scrape, with the recorder of `metrics-exporter-prometheus`. It keeps each duration until it is scraped, or until its
//! `run_upkeep` is called: call that every few seconds.
//! ```no_run
//! use axum::{Router, routing::get};
//! use metrics_exporter_prometheus::PrometheusBuilder;
//! use tenant_core::Tenants;
//!
//! # fn example(tenants: Tenants) -> Result<(), Box<dyn std::error::Error>> {
//! let recorder = PrometheusBuilder::new().install_recorder()?;
//! let metrics: Router = Router::new().route(
//!     "/metrics",
//!     get(async move || {
//!         tenants.record_metrics();
//!         recorder.render()
//!     }),
//! );
//! # Ok(())
//! # }
//! ```

use std::{
    collections::HashMap,
    sync::{OnceLock, PoisonError, RwLock},
    time::Duration,
};

use ::metrics::{
    Counter, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, histogram,
};

use crate::schema_name::SchemaName;

/// Label of the tenants that are not measured by name. A tenant whose schema is called so is among them.
const OTHER: &str = "other";

/// Default number of tenants that have series of their own: 100.
const DEFAULT_FIRST: usize = 100;

const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

const REQUESTS: &str = "tenant_requests_total";
const DURATION: &str = "tenant_request_duration_seconds";
const REJECTIONS: &str = "tenant_rejections_total";

const COUNTERS: &[(&str, Unit, &str)] = &[
    (
        REQUESTS,
        Unit::Count,
        "Requests of served tenants that were answered",
    ),
    (
        REJECTIONS,
        Unit::Count,
        "Requests without a tenant that is served",
    ),
    (
        "tenant_pool_wait_seconds_bucket",
        Unit::Count,
        "Requests that waited no longer for a connection",
    ),
    (
        "tenant_pool_acquires_total",
        Unit::Count,
        "Requests that got a connection",
    ),
    ("tenant_pool_opened_total", Unit::Count, "Opened connections"),
    ("tenant_pool_closed_total", Unit::Count, "Closed connections"),
    (
        "tenant_pool_statements_renewed_total",
        Unit::Count,
        "Statements that were sent again because of changed types",
    ),
    ("tenant_cache_requests_total", Unit::Count, "Look-ups of requests"),
    (
        "tenant_cache_stale_total",
        Unit::Count,
        "Misses that got the tenant that was cached before",
    ),
    ("tenant_cache_loads_total", Unit::Count, "Look-ups in the catalog"),
    (
        "tenant_cache_load_failures_total",
        Unit::Count,
        "Look-ups in the catalog that failed",
    ),
    (
        "tenant_cache_evictions_total",
        Unit::Count,
        "Tenants that were dropped because the cache was full",
    ),
    (
        "tenant_cache_invalidations_total",
        Unit::Count,
        "Times that entries were dropped because the catalog changed",
    ),
    (
        "tenant_statements_parsed_total",
        Unit::Count,
        "Texts that were parsed, because they were not cached",
    ),
    (
        "tenant_statements_refused_total",
        Unit::Count,
        "Statements that were refused",
    ),
];

const GAUGES: &[(&str, Unit, &str)] = &[
    ("tenant_pool_connections_max", Unit::Count, "Most connections"),
    ("tenant_pool_connections", Unit::Count, "Open connections"),
    (
        "tenant_pool_connections_busy",
        Unit::Count,
        "Connections in use, or being opened or reset",
    ),
    (
        "tenant_pool_tenants_busy",
        Unit::Count,
        "Tenants that use a connection",
    ),
    (
        "tenant_pool_waiting",
        Unit::Count,
        "Requests that wait for a connection",
    ),
    (
        "tenant_pool_statements_kept",
        Unit::Count,
        "Prepared statements that idle connections keep",
    ),
    ("tenant_cache_entries", Unit::Count, "Cached hosts and other keys"),
    (
        "tenant_cache_listening",
        Unit::Count,
        "1 while changes of other processes are listened for",
    ),
    (
        "tenant_statements_cached",
        Unit::Count,
        "Texts in the cache of compiled statements",
    ),
    (
        "tenant_statements_cached_bytes",
        Unit::Bytes,
        "Size of the cache of compiled statements",
    ),
];

/// Tenants that have series of their own in the metrics of requests. All others share the label `other`. Default: the
/// first 100.
///
/// # Example
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use tenant_core::{SchemaName, Tenants, metrics::MeasuredTenants};
///
/// let largest = vec![SchemaName::new("acme")?, SchemaName::new("globex")?];
/// let tenants = Tenants::builder()
///     .measured_tenants(MeasuredTenants::Named(largest))
///     .connect("postgres://localhost/app")
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MeasuredTenants {
    /// The first tenants that this process answers requests of, up to this number, until it ends. Choose more than there
    /// are tenants: otherwise, which ones are named differs between processes.
    First(usize),
    /// These tenants, in every process. For applications with more tenants than the metrics should have series.
    Named(Vec<SchemaName>),
}

impl Default for MeasuredTenants {
    fn default() -> Self {
        Self::First(DEFAULT_FIRST)
    }
}

/// Metrics of requests. The handles of a tenant are made at its first request.
#[derive(Debug, Default)]
pub(crate) struct RequestMetrics {
    measured: MeasuredTenants,
    /// By schema.
    tenants: RwLock<HashMap<Box<str>, TenantSeries>>,
    other: OnceLock<TenantSeries>,
    /// By reason.
    rejections: RwLock<HashMap<&'static str, Counter>>,
    is_described: OnceLock<()>,
}

/// Handles with one label `tenant`.
#[derive(Debug)]
struct TenantSeries {
    requests: [Counter; STATUS_CLASSES.len()],
    duration: Histogram,
}

impl RequestMetrics {
    pub(crate) fn new(measured: MeasuredTenants) -> Self {
        Self {
            measured,
            ..Self::default()
        }
    }

    /// Gives the recorder the units and texts of all metrics, once.
    pub(crate) fn describe(&self) {
        self.is_described.get_or_init(describe);
    }

    /// Counts the answer to a request of a tenant.
    pub(crate) fn count_answer(&self, schema: &SchemaName, status: u16, duration: Duration) {
        while !self.record(schema.as_str(), status, duration) {
            self.add(schema.as_str());
        }
    }

    /// Records an answer. False if the tenant has no series, and should get them.
    fn record(&self, schema: &str, status: u16, duration: Duration) -> bool {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        let series = match tenants.get(schema) {
            Some(series) => series,
            None if self.has_room(schema, tenants.len()) => return false,
            None => self.other.get_or_init(|| self.series(OTHER)),
        };
        series.record(status, duration);
        true
    }

    fn add(&self, schema: &str) {
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        if !tenants.contains_key(schema) && self.has_room(schema, tenants.len()) {
            tenants.insert(schema.into(), self.series(schema));
        }
    }

    /// True if a tenant that has no series gets them.
    fn has_room(&self, schema: &str, tenants: usize) -> bool {
        let is_called = |name: &SchemaName| name.as_str().eq_ignore_ascii_case(schema);
        let is_measured = match &self.measured {
            MeasuredTenants::First(most) => tenants < *most,
            MeasuredTenants::Named(names) => names.iter().any(is_called),
        };
        is_measured && schema != OTHER
    }

    fn series(&self, tenant: &str) -> TenantSeries {
        self.describe();
        let tenant = tenant.to_owned();
        TenantSeries {
            requests: STATUS_CLASSES
                .map(|status| counter!(REQUESTS, "tenant" => tenant.clone(), "status" => status)),
            duration: histogram!(DURATION, "tenant" => tenant),
        }
    }

    /// Counts a request without a tenant that is served. There are few reasons.
    pub(crate) fn count_rejection(&self, reason: &'static str) {
        let rejections = self.rejections.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counter) = rejections.get(reason) {
            return counter.increment(1);
        }
        drop(rejections);
        self.describe();
        let counter = counter!(REJECTIONS, "reason" => reason);
        counter.increment(1);
        let mut rejections = self.rejections.write().unwrap_or_else(PoisonError::into_inner);
        rejections.insert(reason, counter);
    }
}

impl TenantSeries {
    fn record(&self, status: u16, duration: Duration) {
        let class = usize::from(status / 100).checked_sub(1);
        if let Some(counter) = class.and_then(|class| self.requests.get(class)) {
            counter.increment(1);
        }
        self.duration.record(duration);
    }
}

fn describe() {
    for (name, unit, text) in COUNTERS {
        describe_counter!(*name, *unit, *text);
    }
    for (name, unit, text) in GAUGES {
        describe_gauge!(*name, *unit, *text);
    }
    describe_histogram!(
        DURATION,
        Unit::Seconds,
        "Time from the head of a request to that of its answer"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(metrics: &RequestMetrics) -> Vec<String> {
        let tenants = metrics.tenants.read().unwrap();
        let mut names: Vec<_> = tenants.keys().map(ToString::to_string).collect();
        names.sort_unstable();
        names
    }

    fn count(metrics: &RequestMetrics, schema: &str) {
        metrics.count_answer(&SchemaName::new(schema).unwrap(), 200, Duration::ZERO);
    }

    #[test]
    fn the_first_tenants_have_series_of_their_own() {
        let metrics = RequestMetrics::new(MeasuredTenants::First(2));
        for schema in ["globex", "acme", "initech", "globex", "umbrella"] {
            count(&metrics, schema);
        }
        assert_eq!(named(&metrics), ["acme", "globex"]);
        assert!(metrics.other.get().is_some());
    }

    #[test]
    fn only_the_named_tenants_have_series_of_their_own() {
        let acme = SchemaName::new("Acme").unwrap();
        let metrics = RequestMetrics::new(MeasuredTenants::Named(vec![acme]));
        for schema in ["globex", "acme", "initech"] {
            count(&metrics, schema);
        }
        assert_eq!(named(&metrics), ["acme"]);
    }

    #[test]
    fn a_tenant_called_other_is_among_the_others() {
        let metrics = RequestMetrics::new(MeasuredTenants::First(10));
        count(&metrics, "other");
        assert!(named(&metrics).is_empty() && metrics.other.get().is_some());
    }

    #[test]
    fn a_status_outside_of_the_classes_is_no_panic() {
        let metrics = RequestMetrics::default();
        for status in [0, 99, 600, u16::MAX] {
            metrics.count_answer(&SchemaName::new("acme").unwrap(), status, Duration::ZERO);
        }
    }

    #[test]
    fn many_tenants_make_few_series() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        ::metrics::with_local_recorder(&recorder, || {
            let metrics = RequestMetrics::new(MeasuredTenants::First(2));
            for number in 0..10_000 {
                count(&metrics, &format!("tenant{number}"));
                metrics.count_rejection("unknown_tenant");
            }
        });
        let scrape = handle.render();
        let series = |name: &str| {
            let lines = scrape.lines().filter(|line| line.starts_with(name));
            lines.map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(series(REQUESTS).len(), 3 * STATUS_CLASSES.len(), "{scrape}");
        let others = r#"tenant_requests_total{tenant="other",status="2xx"} 9998"#;
        assert!(series(REQUESTS).iter().any(|line| line == others), "{scrape}");
        assert_eq!(
            series("tenant_request_duration_seconds_count").len(),
            3,
            "{scrape}"
        );
        assert_eq!(
            series(REJECTIONS),
            [r#"tenant_rejections_total{reason="unknown_tenant"} 10000"#]
        );
    }

    #[test]
    fn the_documentation_lists_each_metric() {
        let documentation = include_str!("metrics.rs");
        let names = COUNTERS.iter().chain(GAUGES).map(|(name, ..)| *name);
        for name in names.chain([DURATION]) {
            assert!(documentation.contains(&format!("//! | `{name}` | ")), "{name}");
        }
        let listed = documentation
            .lines()
            .filter(|line| line.starts_with("//! | `tenant_"));
        assert_eq!(listed.count(), COUNTERS.len() + GAUGES.len() + 1);
    }
}

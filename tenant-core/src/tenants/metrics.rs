//! Recording of the figures of connections, cache and statements. The documentation of [`crate::metrics`] lists them.

use std::time::Duration;

use ::metrics::{Label, counter, gauge};

use super::{CacheStatus, Tenants};
use crate::{
    pool::{PoolStatus, WaitHistogram},
    sql::StatementStatus,
    tenant::Tenant,
};

impl Tenants {
    /// Writes the figures of connections, cache and statements to the recorder of the crate `metrics`. Call it before each
    /// scrape: it reads counters, and takes one short lock. [`metrics`](crate::metrics) lists the names.
    pub fn record_metrics(&self) {
        self.request_metrics().describe();
        if let Some(pool) = self.pool_status() {
            record_pool(&pool);
        }
        record_cache(&self.cache_status());
        record_statements(&self.statement_status());
    }

    /// Counts and times the answer to a request of a tenant. `TenantLayer` and `TenantMiddleware` do so; it is for other
    /// frameworks.
    pub fn record_answer(&self, tenant: &Tenant, status: u16, duration: Duration) {
        self.request_metrics()
            .count_answer(tenant.schema(), status, duration);
    }
}

fn record_pool(status: &PoolStatus) {
    set("tenant_pool_connections_max", &[], status.max_connections);
    set("tenant_pool_connections", &[], status.connections);
    set("tenant_pool_connections_busy", &[], status.busy);
    set("tenant_pool_tenants_busy", &[], status.busy_tenants);
    set("tenant_pool_waiting", &[], status.waiting);
    set("tenant_pool_statements_kept", &[], status.statements_kept);
    let home = |result| [label("home", result)];
    count("tenant_pool_acquires_total", &home("hit"), status.home_hits);
    count("tenant_pool_acquires_total", &home("miss"), status.home_misses);
    count("tenant_pool_opened_total", &[], status.opened);
    count(
        "tenant_pool_statements_renewed_total",
        &[],
        status.statements_renewed,
    );
    for (reason, closed) in [
        ("lost", status.closed.lost),
        ("unguarded", status.closed.unguarded),
        ("expired", status.closed.expired),
        ("idle", status.closed.idle),
        ("not_cleaned", status.closed.not_cleaned),
    ] {
        count("tenant_pool_closed_total", &[label("reason", reason)], closed);
    }
    record_waits(&status.waits);
}

/// Records the waits as a recorder writes the buckets of a histogram, each with all shorter waits: they were counted already.
fn record_waits(waits: &WaitHistogram) {
    let bounds = WaitHistogram::BOUNDS.map(|bound| bound.as_secs_f64().to_string());
    let bounds = bounds.into_iter().chain(["+Inf".to_owned()]);
    let mut sum = 0;
    for (bound, waits) in bounds.zip(waits.counts()) {
        sum += waits;
        count("tenant_pool_wait_seconds_bucket", &[Label::new("le", bound)], sum);
    }
}

fn record_cache(status: &CacheStatus) {
    let of = |keys| [label("of", keys)];
    set("tenant_cache_entries", &of("tenants"), status.tenants);
    set("tenant_cache_entries", &of("unknown"), status.unknown);
    set("tenant_cache_listening", &[], usize::from(status.is_listening));
    for (result, requests) in [
        ("hit", status.hits),
        ("unknown_hit", status.unknown_hits),
        ("miss", status.misses),
    ] {
        count(
            "tenant_cache_requests_total",
            &[label("result", result)],
            requests,
        );
    }
    count("tenant_cache_stale_total", &[], status.stale);
    count("tenant_cache_loads_total", &[], status.loads);
    count("tenant_cache_load_failures_total", &[], status.failures);
    count("tenant_cache_evictions_total", &[], status.evictions);
    count("tenant_cache_invalidations_total", &[], status.invalidations);
}

fn record_statements(status: &StatementStatus) {
    set("tenant_statements_cached", &[], status.cached);
    set("tenant_statements_cached_bytes", &[], status.cached_bytes);
    count("tenant_statements_parsed_total", &[], status.parsed);
    count("tenant_statements_refused_total", &[], status.refused);
}

fn label(name: &'static str, value: &'static str) -> Label {
    Label::from_static_parts(name, value)
}

/// Sets a counter that is kept elsewhere.
fn count(name: &'static str, labels: &[Label], value: u64) {
    counter!(name, labels.to_vec()).absolute(value);
}

fn set(name: &'static str, labels: &[Label], value: usize) {
    gauge!(name, labels.to_vec()).set(value as f64);
}

//! [`PoolStatus`]: figures of the connections of all tenants.

use std::time::Duration;

/// Figures of the connections of all tenants. Reading them takes one short lock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatus {
    /// The `max_connections`.
    pub max_connections: usize,
    /// Open connections.
    pub connections: usize,
    /// Connections in use, or being opened or reset.
    pub busy: usize,
    /// Waiting requests.
    pub waiting: usize,
    /// Tenants that use a connection.
    pub busy_tenants: usize,
    /// Requests that got one of the two home connections of their tenant.
    pub home_hits: u64,
    /// Requests that got another connection.
    pub home_misses: u64,
    /// Connections opened since the start.
    pub opened: u64,
    /// Connections closed since the start.
    pub closed: ClosedConnections,
    /// Prepared statements that the idle connections keep.
    pub statements_kept: usize,
    /// Statements sent again because the types of their columns changed.
    pub statements_renewed: u64,
    /// Histogram of the time for which requests waited for a connection.
    pub waits: WaitHistogram,
}

/// Counts of closed connections by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClosedConnections {
    /// Lost, or without an answer of the server.
    pub lost: u64,
    /// Closed after unguarded statements, because the session's state is unknown.
    pub unguarded: u64,
    /// Older than `max_lifetime`.
    pub expired: u64,
    /// Idle for longer than `idle_timeout`.
    pub idle: u64,
    /// Not reset within 5 s after a future was dropped, or within 1 s after a stream was dropped half-read.
    pub not_cleaned: u64,
}

/// Counts of waits by length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WaitHistogram {
    counts: [u64; Self::BOUNDS.len() + 1],
}

impl WaitHistogram {
    /// Upper bounds of the buckets. A last bucket has all longer waits.
    pub const BOUNDS: [Duration; 6] = [
        Duration::from_micros(100),
        Duration::from_millis(1),
        Duration::from_millis(10),
        Duration::from_millis(100),
        Duration::from_secs(1),
        Duration::from_secs(10),
    ];

    /// Returns the counts of the buckets, in the order of [`BOUNDS`](Self::BOUNDS).
    #[must_use]
    pub fn counts(&self) -> [u64; 7] {
        self.counts
    }

    #[cfg(feature = "sqlx-postgres")]
    pub(super) fn add(&mut self, wait: Duration) {
        let bucket = Self::BOUNDS.partition_point(|bound| *bound < wait);
        self.counts[bucket] += 1;
    }
}

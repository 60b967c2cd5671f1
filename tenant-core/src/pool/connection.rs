//! [`PooledConnection`]: a connection with its age and its statements, and the opening and checking of connections.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{Connection, PgConnection, Row},
};

use super::{
    Counters, Pool, TIMEOUT, count,
    driver_error::{has_hung_up, is_timeout, not_opened},
    lock,
    statement_cache::StatementCachePolicy,
};

/// A connection with the state that the pool keeps about it.
pub(super) struct PooledConnection {
    pub(super) raw: PgConnection,
    pub(super) statement_cache: StatementCachePolicy,
    opened: Instant,
    /// Time of the last answer of the server.
    heard: Instant,
    _open: Open,
}

/// Pause between two attempts to open a connection.
const PAUSE_TO_OPEN: Duration = Duration::from_millis(20);

/// Counts a connection as open until it is dropped.
struct Open(Arc<Counters>);

impl Open {
    fn new(counters: &Arc<Counters>) -> Self {
        counters.open.fetch_add(1, Ordering::Relaxed);
        count(&counters.opened);
        Self(Arc::clone(counters))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The state of an idle connection.
enum Freshness {
    Fresh,
    /// Possibly lost: ping it before use.
    Doubtful,
    Expired,
}

impl PooledConnection {
    /// Returns the number of prepared statements.
    pub(super) fn cached_statements(&self) -> usize {
        self.raw.cached_statements_size()
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    pub(super) fn idle_since(&self) -> Instant {
        self.heard
    }

    pub(super) fn is_expired(&self, max_lifetime: Option<Duration>) -> bool {
        max_lifetime.is_some_and(|max| self.opened.elapsed() > max)
    }

    /// Closes the connection in an orderly way, within [`TIMEOUT`].
    pub(super) async fn close(self) {
        let _ = tokio::time::timeout(TIMEOUT, self.raw.close()).await;
    }
}

impl Pool {
    /// Returns an open connection for a slot: the idle one if it is alive, or a new one.
    pub(super) async fn connection_of(
        &self,
        slot: usize,
        deadline: Instant,
    ) -> Result<PooledConnection, DbErr> {
        let idle = lock(&self.0.idle[slot]).take();
        if let Some(idle) = idle
            && let Some(good) = self.checked(idle).await
        {
            return Ok(good);
        }
        let begun = Instant::now();
        match tokio::time::timeout_at(deadline.into(), self.open()).await {
            Ok(Err(error)) if is_timeout(&error) => Err(self.unreachable(begun)),
            Ok(opened) => opened,
            Err(_) => Err(self.unreachable(begun)),
        }
    }

    async fn checked(&self, mut connection: PooledConnection) -> Option<PooledConnection> {
        match self.freshness(&connection) {
            Freshness::Fresh => Some(connection),
            Freshness::Expired => {
                count(&self.0.counters.expired);
                connection.close().await;
                None
            }
            Freshness::Doubtful => {
                let answer = tokio::time::timeout(TIMEOUT, connection.raw.ping()).await;
                if matches!(answer, Ok(Ok(()))) {
                    connection.heard = Instant::now();
                    return Some(connection);
                }
                self.suspect();
                None
            }
        }
    }

    fn freshness(&self, connection: &PooledConnection) -> Freshness {
        let settings = &self.0.settings;
        if connection.is_expired(settings.max_lifetime) {
            return Freshness::Expired;
        }
        let idle = connection.heard.elapsed();
        let heard = connection
            .heard
            .saturating_duration_since(self.0.start)
            .as_micros();
        let is_suspect = heard < u128::from(self.0.suspect_before.load(Ordering::Acquire));
        if is_suspect || settings.ping_after_idle.is_some_and(|limit| idle >= limit) {
            Freshness::Doubtful
        } else {
            Freshness::Fresh
        }
    }

    /// Opens a connection. While the server starts or stops, this is tried again until `connect_timeout`: by sqlx if
    /// the server refuses, and here if it accepts a connection and closes it.
    pub(super) async fn open(&self) -> Result<PooledConnection, DbErr> {
        let deadline = Instant::now() + self.0.settings.connect_timeout;
        loop {
            match self.open_once().await {
                Err(error) if has_hung_up(&error) && Instant::now() < deadline => {
                    tokio::time::sleep(PAUSE_TO_OPEN).await;
                }
                opened => return opened,
            }
        }
    }

    async fn open_once(&self) -> Result<PooledConnection, DbErr> {
        let connection = self.0.connector.acquire().await.map_err(not_opened)?;
        let mut raw = connection.detach();
        require_standard_strings(&mut raw).await?;
        let now = Instant::now();
        Ok(PooledConnection {
            raw,
            statement_cache: self.0.settings.statement_cache_policy(),
            opened: now,
            heard: now,
            _open: Open::new(&self.0.counters),
        })
    }
}

/// Refuses a session whose literals differ from those that the check reads. The setting may differ between sessions: by
/// role, by startup options, or by a hook of the application.
async fn require_standard_strings(raw: &mut PgConnection) -> Result<(), DbErr> {
    use sea_orm::sqlx::Executor as _;

    let row = raw
        .fetch_one("SHOW standard_conforming_strings")
        .await
        .map_err(not_opened)?;
    let setting: String = row.try_get(0).map_err(not_opened)?;
    if setting == "on" {
        return Ok(());
    }
    Err(DbErr::Conn(RuntimeErr::Internal(NON_STANDARD_STRINGS.to_owned())))
}

/// Error text of one session. [`ConnectError::NonStandardStrings`](crate::ConnectError::NonStandardStrings) is its
/// counterpart on connecting.
const NON_STANDARD_STRINGS: &str = "the server's setting standard_conforming_strings is off for this session, so that \
    it reads literals in another way than they are checked in: set it to on, as it is by default";

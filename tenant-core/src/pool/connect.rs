//! [`PooledConnection`]: a connection, and what the pool knows of it.

use std::{
    io::ErrorKind,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{Connection, Error, PgConnection, Row, error::DatabaseError},
};

use super::{Counters, Pool, TIMEOUT, count, keeping::Keeping, lease::Permit, lock};

/// A connection, and what the pool knows of it.
pub(super) struct PooledConnection {
    pub(super) raw: PgConnection,
    pub(super) keeping: Keeping,
    opened: Instant,
    /// The last time that the server answered.
    heard: Instant,
    _open: Open,
}

/// The time between two attempts to open a connection.
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
    /// It may have been lost.
    Doubtful,
    Expired,
}

impl PooledConnection {
    /// The number of prepared statements that it keeps.
    pub(super) fn kept(&self) -> usize {
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

    /// Says farewell to the server, if that takes no longer than the timeout.
    pub(super) async fn close(self) {
        let _ = tokio::time::timeout(TIMEOUT, self.raw.close()).await;
    }
}

impl Pool {
    /// Opens connections before they are needed.
    pub(super) async fn open_eagerly(&self) -> Result<(), DbErr> {
        let settings = &self.0.settings;
        let wanted = settings.min_connections.max(usize::from(!settings.is_lazy));
        for slot in 0..wanted.min(settings.max_connections) {
            self.open_in(slot).await?;
        }
        Ok(())
    }

    /// Opens a connection in an idle slot that has none.
    pub(super) async fn open_in(&self, slot: usize) -> Result<(), DbErr> {
        let Some(permit) = self.take_idle(slot) else {
            return Ok(());
        };
        let is_empty = lock(&self.0.idle[slot]).is_none();
        if is_empty {
            let connection = self.open().await?;
            *lock(&self.0.idle[slot]) = Some(connection);
        }
        drop(permit);
        Ok(())
    }

    pub(super) fn take_idle(&self, slot: usize) -> Option<Permit> {
        let is_taken = lock(&self.0.scheduler).take_idle(slot, Instant::now());
        is_taken.then(|| Permit::new(self, slot))
    }

    /// An open connection for a slot: the one that was idle there, if it is still good.
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
        match tokio::time::timeout_at(deadline.into(), self.open()).await {
            Ok(opened) => opened,
            Err(_) => Err(self.timed_out()),
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
        if is_suspect || settings.ask_after_idle.is_some_and(|limit| idle >= limit) {
            Freshness::Doubtful
        } else {
            Freshness::Fresh
        }
    }

    /// Opens a connection. Where the server is starting or stopping, this is tried again until `connect_timeout`: by sqlx
    /// if it refuses, and here if it takes a connection and hangs up.
    async fn open(&self) -> Result<PooledConnection, DbErr> {
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
            keeping: self.0.settings.keeping(),
            opened: now,
            heard: now,
            _open: Open::new(&self.0.counters),
        })
    }
}

/// True where a server that is stopping or starting ends a connection before it is used: it closes it, or says that it is
/// shutting down (57P01), has crashed (57P02) or is not ready (57P03).
fn has_hung_up(error: &DbErr) -> bool {
    let DbErr::Conn(RuntimeErr::SqlxError(error)) = error else {
        return false;
    };
    match &**error {
        Error::Io(error) => matches!(
            error.kind(),
            ErrorKind::UnexpectedEof
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
        ),
        error => has_code(error, &["57P01", "57P02", "57P03"]),
    }
}

/// True if it is one of these errors of the server.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
pub(super) fn has_code(error: &Error, codes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| codes.contains(&&*code))
}

pub(super) fn not_opened(error: Error) -> DbErr {
    match error {
        Error::PoolClosed => super::closed(),
        error => DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))),
    }
}

/// Statements are checked by the rules that this setting stands for. It may differ between sessions: by role, by
/// startup options, or by a hook of the application.
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

/// It says what [`ConnectError::NonStandardStrings`](crate::ConnectError::NonStandardStrings) says where the application
/// connects.
const NON_STANDARD_STRINGS: &str = "the server's setting standard_conforming_strings is off for this session, so that \
    it reads literals in another way than they are checked in: set it to on, as it is by default";

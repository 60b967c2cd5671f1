//! The pool of the connections of all tenants, which the library opens, lends, resets and closes itself.
//!
//! [`scheduler`] decides which request gets which connection, [`lease`] is a connection in use, [`clean_up`] resets a
//! connection whose transaction or statement was cut off, and [`maintenance`] closes idle ones.

mod clean_up;
mod connection;
mod driver_error;
mod lease;
mod leftovers;
mod maintenance;
mod operation;
mod pending_permit;
mod permit;
mod pooler;
mod scheduler;
mod search_path;
mod settings;
mod span;
mod statement_cache;
mod status;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::{ConnAcquireErr, DbErr, sqlx::PgPool};
use tokio::sync::{Notify, oneshot};

use connection::PooledConnection;
use pending_permit::PendingPermit;
use permit::Permit;
use scheduler::{Placement, Scheduler};

pub(crate) use lease::Lease;
pub(crate) use leftovers::EndOnDrop;
pub(crate) use operation::{Execute, ExecuteUnprepared, Operation, QueryAll, QueryAllOnce, QueryOne};
pub(crate) use pooler::check as check_pooler;
pub use pooler::shares_sessions;
pub(crate) use scheduler::TenantHash;
pub(crate) use settings::{PoolSettings, shared_connection};
pub use status::{ClosedConnections, PoolStatus, WaitHistogram};

use crate::error::ConnectionError;

/// Longest time that a reset, a ping or a close waits for the server.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The pool of the connections of all tenants. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Inner>);

struct Inner {
    settings: PoolSettings,
    /// Pool of sqlx that opens connections and keeps none: they are detached from it.
    connector: PgPool,
    /// Idle connections, by slot. The holder of a slot takes its connection.
    idle: Box<[Mutex<Option<PooledConnection>>]>,
    scheduler: Mutex<Scheduler<oneshot::Sender<Permit>>>,
    counters: Arc<Counters>,
    /// Time at which a connection was last lost, in microseconds since the start. Connections whose last answer is
    /// older are pinged before use.
    suspect_before: AtomicU64,
    start: Instant,
    is_closed: AtomicBool,
    returned: Notify,
}

/// Counts since the start, and the number of open connections.
#[derive(Debug, Default)]
struct Counters {
    open: AtomicUsize,
    opened: AtomicU64,
    lost: AtomicU64,
    unguarded: AtomicU64,
    expired: AtomicU64,
    idle: AtomicU64,
    not_cleaned: AtomicU64,
    renewed: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// Opens `min_connections`, and at least one unless the options say `connect_lazy`.
    ///
    /// # Errors
    /// [`DbErr`] if the first connection cannot be opened.
    pub(crate) async fn connect(settings: PoolSettings) -> Result<Self, DbErr> {
        let pool = Self(Arc::new(Inner {
            connector: settings.connector(),
            idle: std::iter::repeat_with(Mutex::default)
                .take(settings.max_connections)
                .collect(),
            scheduler: Mutex::new(Scheduler::new(settings.max_connections)),
            counters: Arc::default(),
            suspect_before: AtomicU64::new(0),
            start: Instant::now(),
            is_closed: AtomicBool::new(false),
            returned: Notify::new(),
            settings,
        }));
        pool.open_eagerly().await?;
        maintenance::start(&pool);
        Ok(pool)
    }

    /// Returns a connection for one tenant, and waits if none is idle.
    ///
    /// # Errors
    /// [`DbErr`] after `acquire_timeout`, if no connection can be opened, or the pool is closed.
    pub(crate) async fn acquire(&self, key: TenantHash) -> Result<Lease, DbErr> {
        let now = Instant::now();
        let deadline = now + self.0.settings.acquire_timeout;
        let permit = match self.request(key, now)? {
            Ok(permit) => permit,
            Err(waiting) => waiting.permit(deadline).await?,
        };
        Lease::new(permit, deadline).await
    }

    /// Returns a permit, or a place in a queue.
    fn request(&self, key: TenantHash, now: Instant) -> Result<Result<Permit, PendingPermit>, DbErr> {
        if self.is_closed() {
            return Err(closed());
        }
        let mut scheduler = lock(&self.0.scheduler);
        let slot = match scheduler.request(key, now) {
            Placement::Granted(slot) => return Ok(Ok(Permit::new(self, slot))),
            Placement::Queue(slot) => slot,
        };
        let (sender, receiver) = oneshot::channel();
        let ticket = scheduler.wait(slot, key, now, sender);
        let home_wait = scheduler.home_wait();
        drop(scheduler);
        Ok(Err(PendingPermit::new(self, ticket, receiver, now + home_wait)))
    }

    /// True if the application named a pooler, whose sessions other clients use, too.
    pub(crate) fn is_behind_pooler(&self) -> bool {
        self.0.settings.prepared_by_pooler.is_some()
    }

    /// Returns figures of the pool.
    pub(crate) fn status(&self) -> PoolStatus {
        let (usage, figures) = {
            let scheduler = lock(&self.0.scheduler);
            (scheduler.usage(), scheduler.figures())
        };
        let kept = |idle: &Mutex<Option<PooledConnection>>| {
            lock(idle).as_ref().map(PooledConnection::cached_statements)
        };
        let counters = &self.0.counters;
        PoolStatus {
            max_connections: self.0.settings.max_connections,
            connections: counters.open.load(Ordering::Relaxed),
            busy: usage.0,
            waiting: usage.1,
            busy_tenants: usage.2,
            home_hits: figures.home_hits,
            home_misses: figures.home_misses,
            opened: counters.opened.load(Ordering::Relaxed),
            closed: counters.closed(),
            statements_kept: self.0.idle.iter().filter_map(kept).sum(),
            statements_renewed: counters.renewed.load(Ordering::Relaxed),
            waits: figures.waits,
        }
    }

    /// Refuses requests from now on, waits until all connections are back, and closes them.
    pub(crate) async fn close(&self) {
        self.0.is_closed.store(true, Ordering::Release);
        let senders = lock(&self.0.scheduler).clear();
        drop(senders);
        loop {
            let mut returned = std::pin::pin!(self.0.returned.notified());
            returned.as_mut().enable();
            // Read before closing, so that connections that are returned meanwhile are closed in the next round.
            let all_returned = lock(&self.0.scheduler).usage().0 == 0;
            self.close_idle().await;
            if all_returned {
                break;
            }
            returned.await;
        }
        self.0.connector.close().await;
    }

    async fn close_idle(&self) {
        for idle in &self.0.idle {
            let connection = lock(idle).take();
            if let Some(connection) = connection {
                connection.close().await;
            }
        }
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed.load(Ordering::Acquire)
    }

    /// Gives idle connections to requests that have waited too long.
    fn expire(&self) {
        loop {
            let granted = lock(&self.0.scheduler).expire(Instant::now());
            let Some((slot, waiter)) = granted else { return };
            self.hand_over(slot, waiter);
        }
    }

    fn release(&self, slot: usize) {
        let next = lock(&self.0.scheduler).release(slot, Instant::now());
        if let Some((slot, waiter)) = next {
            self.hand_over(slot, waiter);
        }
        if self.is_closed() {
            self.0.returned.notify_waiters();
        }
    }

    /// Sends a permit to a waiter. If the waiter is gone, dropping the permit frees the slot.
    fn hand_over(&self, slot: usize, waiter: oneshot::Sender<Permit>) {
        let _ = waiter.send(Permit::new(self, slot));
    }

    /// Counts a lost connection, and makes all others be pinged before their next use.
    fn suspect(&self) {
        count(&self.0.counters.lost);
        self.0.suspect_before.store(self.micros(), Ordering::Release);
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.0.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn timed_out(&self) -> DbErr {
        let status = self.status();
        ConnectionError::AcquireTimeout {
            waited: self.0.settings.acquire_timeout,
            max_connections: status.max_connections,
            connections: status.connections,
            busy: status.busy,
            busy_tenants: status.busy_tenants,
            waiting: status.waiting,
        }
        .into()
    }

    /// Returns the error of a connection that was being opened since a time.
    fn unreachable(&self, since: Instant) -> DbErr {
        let address = self.0.settings.address();
        let waited = since.elapsed();
        ConnectionError::Unreachable { address, waited }.into()
    }
}

impl Counters {
    fn closed(&self) -> ClosedConnections {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ClosedConnections {
            lost: get(&self.lost),
            unguarded: get(&self.unguarded),
            expired: get(&self.expired),
            idle: get(&self.idle),
            not_cleaned: get(&self.not_cleaned),
        }
    }
}

fn closed() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

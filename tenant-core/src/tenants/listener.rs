//! [`Listener`]: hears of changes to the catalog that other processes make, by PostgreSQL's NOTIFY.
//!
//! Triggers on the catalog's tables send what changed: see the migrations of the catalog in `tenant-migration`. The
//! notifications only make changes known earlier. The time to live is what is guaranteed, because notifications are lost
//! while the connection is: then everything is dropped once it is there again.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, atomic::Ordering},
    time::Duration,
};

use futures_util::FutureExt as _;
use sea_orm::sqlx::{Error, Executor as _, PgPool, postgres::PgListener};
use tokio::{runtime::Handle, task::JoinHandle};

use super::{host_cache::Changes, lookup::Lookup};
use crate::{host::Host, pool::PoolSettings, tenant::TenantId};

/// Channel of the notifications.
const CHANNEL: &str = "tenant_catalog";

/// Time for which notifications are gathered after the first one, so that many changes cost one pass of the cache.
const GATHER: Duration = Duration::from_millis(20);

/// Time without a notification after which the connection is tried. Networks drop idle connections silently.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Longest wait for an answer of the server.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Wait before the connection is opened again. It doubles with each failure.
const MIN_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// The task of the listener. It ends when the handle is closed or dropped.
#[derive(Debug)]
pub(super) struct Listener {
    task: Mutex<Option<JoinHandle<()>>>,
    pool: SharedPool,
}

/// The pool of the task's one connection.
type SharedPool = Arc<Mutex<Option<PgPool>>>;

impl Listener {
    /// Starts the task. `None` without a runtime.
    pub(super) fn start(settings: PoolSettings, lookup: Weak<Lookup>) -> Option<Self> {
        let runtime = Handle::try_current().ok()?;
        let pool = SharedPool::default();
        let task = runtime.spawn(run(settings, Arc::clone(&pool), lookup));
        Some(Self {
            task: Mutex::new(Some(task)),
            pool,
        })
    }

    /// Ends the task, and closes its connection.
    pub(super) async fn close(&self) {
        let task = lock(&self.task).take();
        if let Some(task) = task {
            task.abort();
            let _ = task.await;
        }
        let pool = lock(&self.pool).take();
        if let Some(pool) = pool {
            let _ = tokio::time::timeout(TIMEOUT, pool.close()).await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(task) = lock(&self.task).take() {
            task.abort();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn run(settings: PoolSettings, shared: SharedPool, lookup: Weak<Lookup>) {
    let _state = State(lookup.clone());
    let mut pause = MIN_PAUSE;
    loop {
        // A new pool each time: an old one may wait for an answer on a connection that is dead.
        let pool = settings.listener();
        *lock(&shared) = Some(pool.clone());
        match connect(&pool).await {
            Ok(mut listener) => {
                let Some(found) = lookup.upgrade() else { return };
                // Changes from before are not heard any more.
                found.clear();
                found.is_listening.store(true, Ordering::Relaxed);
                drop(found);
                pause = MIN_PAUSE;
                let lost = follow(&mut listener, &lookup).await;
                let Some(found) = lookup.upgrade() else { return };
                found.is_listening.store(false, Ordering::Relaxed);
                tracing::warn!(reason = %lost, "the connection that listens for changes to the catalog was lost");
            }
            Err(error) => tracing::debug!(%error, "no connection listens for changes to the catalog"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// Says that nobody listens once the task has ended.
struct State(Weak<Lookup>);

impl Drop for State {
    fn drop(&mut self) {
        if let Some(lookup) = self.0.upgrade() {
            lookup.is_listening.store(false, Ordering::Relaxed);
        }
    }
}

async fn connect(pool: &PgPool) -> Result<PgListener, Error> {
    let listening = async {
        let mut listener = PgListener::connect_with(pool).await?;
        // A silent new connection would lose what was sent in between.
        listener.eager_reconnect(false);
        listener.ignore_pool_close_event(true);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    };
    tokio::time::timeout(TIMEOUT, listening)
        .await
        .unwrap_or(Err(Error::PoolTimedOut))
}

/// Drops what changed from the cache, until the connection is lost. Returns the reason.
async fn follow(listener: &mut PgListener, lookup: &Weak<Lookup>) -> Error {
    loop {
        let changes = match next(listener).await {
            Ok(changes) => changes,
            Err(error) => return error,
        };
        if let (Some(changes), Some(lookup)) = (changes, lookup.upgrade()) {
            lookup.invalidate(&changes);
        }
    }
}

/// Waits for the next changes. `None` if there were none for a while, and the connection still answers.
async fn next(listener: &mut PgListener) -> Result<Option<Changes>, Error> {
    let Ok(first) = tokio::time::timeout(HEARTBEAT, receive(listener)).await else {
        let answer = tokio::time::timeout(TIMEOUT, listener.execute("SELECT 1")).await;
        answer.unwrap_or(Err(Error::PoolTimedOut))?;
        return Ok(None);
    };
    let mut changes = Changes::default();
    changes.add(&first?);
    tokio::time::sleep(GATHER).await;
    while let Some(more) = receive(listener).now_or_never() {
        changes.add(&more?);
    }
    Ok(Some(changes))
}

/// Returns the text of the next notification. Cancel-safe, as reading in sqlx is.
async fn receive(listener: &mut PgListener) -> Result<String, Error> {
    let received = listener.try_recv().await?;
    let lost = || Error::Io(std::io::ErrorKind::ConnectionAborted.into());
    received
        .map(|notification| notification.payload().to_owned())
        .ok_or_else(lost)
}

impl Changes {
    /// Adds a notification: the id of a tenant, and a domain of it if a domain changed. Any other text stands for any
    /// change.
    fn add(&mut self, text: &str) {
        let (id, domain) = text
            .split_once(' ')
            .map_or((text, None), |(id, domain)| (id, Some(domain)));
        match (id.parse(), domain.map(Host::parse)) {
            (Ok(id), None) => {
                self.tenants.insert(TenantId(id));
            }
            (Ok(id), Some(Ok(domain))) => {
                self.tenants.insert(TenantId(id));
                self.domains.insert(domain);
            }
            // A wildcard domain is no host. It changes the tenants of any number of hosts.
            _ => self.is_unknown = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notifications_name_tenants_and_domains_or_everything() {
        let mut changes = Changes::default();
        for text in ["7", "8 acme.example.com", "7"] {
            changes.add(text);
        }
        assert_eq!(changes.tenants, [7, 8].map(TenantId).into());
        assert_eq!(changes.domains, [Host::parse("acme.example.com").unwrap()].into());
        assert!(!changes.is_unknown);
        for text in ["", "x", "7 *.example.com", "7 ", " acme.example.com"] {
            let mut changes = Changes::default();
            changes.add(text);
            assert!(changes.is_unknown, "{text:?}");
        }
    }
}

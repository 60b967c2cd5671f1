//! [`Lookup`]: the look-up of tenants by their keys, behind the cache.
//!
//! - Requests that miss the same key wait for one look-up. It runs in a task of its own, so that it ends also if the
//!   request that began it is dropped.
//! - If the catalog cannot be read, a cached tenant is served for a limited time after its time to live. An error is
//!   never cached as "no tenant".
//! - The application's loader of data runs in the same look-up. So a tenant that is served never comes without its data.
//! - Few look-ups run at a time and few wait, so that a flood of unknown hosts leaves connections and memory for others.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, future::Shared};
use sea_orm::DatabaseConnection;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, oneshot},
};
use tracing::Instrument as _;

use super::{
    data_loader::DataLoader,
    host_cache::{Cached, Changes, Generation, HostCache, Refresh},
    schema_versions::VersionCheck,
};
use crate::{
    catalog::{CatalogError, TenantStore},
    resolve::TenantKey,
    tenant::{Origin, Tenant, TenantStatus},
};

/// Most look-ups at a time.
const MAX_RUNNING: usize = 16;

/// Most look-ups that run or wait. Others fail at once.
const MAX_BEGUN: usize = 1024;

/// Longest time of a look-up, the wait included. The loader of data has its own.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time that a request waits for the look-up of a tenant that is cached, but stale. After it, the tenant is served
/// as it was cached: an outage in which the database does not answer shall not hold up the requests of each tenant.
const STALE_WAIT: Duration = Duration::from_secs(1);

type Answer = Result<Option<Tenant>, CatalogError>;
type Pending = Shared<oneshot::Receiver<Answer>>;

/// The catalog behind its cache.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) store: Arc<dyn TenantStore>,
    pub(super) version_check: Option<VersionCheck>,
    /// Scheme and port of the tenants' addresses.
    pub(super) origin: Origin,
    /// The application's loader of data, and the connection that it gets.
    data_loader: Option<(DataLoader, DatabaseConnection)>,
    cache: HostCache,
    /// Look-ups that have begun, with the generation in which they did.
    begun: Mutex<HashMap<TenantKey, (Generation, Pending)>>,
    running: Semaphore,
    counters: Counters,
    /// True while a listener is connected.
    pub(super) is_listening: AtomicBool,
}

/// Answer of a look-up that others may have begun.
enum Joined {
    Pending(Pending),
    Cached(Option<Tenant>),
}

#[derive(Debug, Default)]
struct Counters {
    hits: AtomicU64,
    unknown_hits: AtomicU64,
    misses: AtomicU64,
    stale: AtomicU64,
    loads: AtomicU64,
    failures: AtomicU64,
    invalidations: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Figures of the cache of tenants, since the handle was made.
///
/// Each request counts once: as a hit, an unknown hit, or a miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CacheStatus {
    /// Cached hosts and other keys that have a tenant: 100,000 at most.
    pub tenants: usize,
    /// Cached hosts and other keys that have none: 10,000 at most.
    pub unknown: usize,
    /// Requests for a tenant that was cached.
    pub hits: u64,
    /// Requests for a key that was cached as unknown.
    pub unknown_hits: u64,
    /// Requests for a key that was not cached, or whose time to live was over.
    pub misses: u64,
    /// Misses that got the tenant that was cached before, because the catalog could not be read.
    pub stale: u64,
    /// Look-ups in the catalog. Requests that miss the same key at the same time share one.
    pub loads: u64,
    /// Look-ups that failed.
    pub failures: u64,
    /// Tenants that were dropped because the cache was full.
    pub evictions: u64,
    /// Times that entries were dropped because the catalog changed.
    pub invalidations: u64,
    /// True while changes of other processes are listened for.
    pub is_listening: bool,
}

impl Lookup {
    pub(super) fn new(
        store: Arc<dyn TenantStore>,
        version_check: Option<VersionCheck>,
        origin: Origin,
        cache: HostCache,
    ) -> Self {
        Self {
            store,
            version_check,
            origin,
            data_loader: None,
            cache,
            begun: Mutex::default(),
            running: Semaphore::new(MAX_RUNNING),
            counters: Counters::default(),
            is_listening: AtomicBool::new(false),
        }
    }

    /// Loads the data of tenants that are served.
    pub(super) fn with_data_loader(mut self, loader: Option<DataLoader>, db: &DatabaseConnection) -> Self {
        self.data_loader = loader.map(|loader| (loader, db.clone()));
        self
    }

    /// False if each request reads the catalog.
    #[cfg(feature = "sqlx-postgres")]
    pub(super) fn is_cached(&self) -> bool {
        self.cache.is_on()
    }

    /// Returns the tenant of a key.
    ///
    /// # Errors
    /// [`CatalogError`] if the catalog cannot be read, and the key is not cached.
    pub(super) async fn find(self: &Arc<Self>, key: &TenantKey) -> Answer {
        match self.cache.get(key) {
            Cached::Tenant(tenant) => {
                count(&self.counters.hits);
                Ok(Some(tenant))
            }
            Cached::Unknown => {
                count(&self.counters.unknown_hits);
                Ok(None)
            }
            Cached::Stale {
                tenant,
                refresh: refresh @ (Refresh::InBackground | Refresh::Later),
            } => {
                count(&self.counters.misses);
                count(&self.counters.stale);
                if refresh == Refresh::InBackground && Handle::try_current().is_ok() {
                    // Nobody waits for it.
                    drop(self.join(key));
                }
                Ok(Some(tenant))
            }
            Cached::Stale { .. } => {
                count(&self.counters.misses);
                let answer = self.load(key, STALE_WAIT).await;
                answer.or_else(|error| self.stale(key, error))
            }
            Cached::Absent => {
                count(&self.counters.misses);
                // The look-up ends in time by itself.
                self.load(key, Duration::MAX).await
            }
        }
    }

    /// Returns the cached answer for a key, if there is one that is not stale. Never reads the catalog.
    #[cfg(any(feature = "axum", feature = "actix"))]
    pub(super) fn cached(&self, key: &TenantKey) -> Option<Option<Tenant>> {
        match self.cache.get(key) {
            Cached::Tenant(tenant) => Some(Some(tenant)),
            Cached::Unknown => Some(None),
            Cached::Stale { .. } | Cached::Absent => None,
        }
    }

    /// Returns the tenant that is served in spite of an error. It is read from the cache again, because it may have been
    /// dropped meanwhile.
    fn stale(&self, key: &TenantKey, error: CatalogError) -> Answer {
        match self.cache.get(key) {
            Cached::Tenant(tenant) | Cached::Stale { tenant, .. } if error.excuses(&tenant) => {
                count(&self.counters.stale);
                Ok(Some(tenant))
            }
            _ => Err(error),
        }
    }

    /// Looks a key up. The look-up goes on if it takes longer than `wait`.
    async fn load(self: &Arc<Self>, key: &TenantKey, wait: Duration) -> Answer {
        // Without a cache, each request reads the catalog after it has come. Without a runtime, there are no tasks.
        if !self.cache.is_on() || Handle::try_current().is_err() {
            let answer = self.complete(self.read(key).await).await;
            return self.counted(answer);
        }
        match self.join(key)? {
            Joined::Pending(pending) => match tokio::time::timeout(wait, pending).await {
                Ok(answer) => answer.unwrap_or(Err(CatalogError::Interrupted)),
                Err(_) => Err(CatalogError::Timeout { waited: wait }),
            },
            Joined::Cached(tenant) => Ok(tenant),
        }
    }

    /// Returns the look-up of a key that has begun, or begins one.
    fn join(self: &Arc<Self>, key: &TenantKey) -> Result<Joined, CatalogError> {
        let mut begun = self.begun();
        if let Some((_, pending)) = begun.get(key) {
            return Ok(Joined::Pending(pending.clone()));
        }
        // A look-up may have ended since the cache was asked. It caches its answer before it leaves the list.
        match self.cache.get(key) {
            Cached::Tenant(tenant) => return Ok(Joined::Cached(Some(tenant))),
            Cached::Unknown => return Ok(Joined::Cached(None)),
            Cached::Stale { .. } | Cached::Absent => {}
        }
        if begun.len() >= MAX_BEGUN {
            return Err(CatalogError::Busy { waiting: MAX_BEGUN });
        }
        let (send, receive) = oneshot::channel();
        let pending = receive.shared();
        let generation = self.cache.generation();
        begun.insert(key.clone(), (generation, pending.clone()));
        drop(begun);
        let task = Task {
            lookup: Arc::clone(self),
            key: key.clone(),
            generation,
        };
        tokio::spawn(task.run(send).in_current_span());
        Ok(Joined::Pending(pending))
    }

    /// Reads the catalog.
    async fn read(&self, key: &TenantKey) -> Answer {
        count(&self.counters.loads);
        match key {
            TenantKey::Host(host) => self.store.by_host(host).await,
            TenantKey::Slug(domain) => self.store.by_domain(domain).await,
            TenantKey::Schema(schema) => self.store.by_schema(schema).await,
            TenantKey::Id(id) => self.store.by_id(*id).await,
        }
    }

    async fn read_in_time(&self, key: &TenantKey) -> Answer {
        let read = async {
            let permit = self.running.acquire().await;
            (permit, self.read(key).await)
        };
        let (_permit, found) = tokio::time::timeout(TIMEOUT, read)
            .await
            .map_err(|_| CatalogError::Timeout { waited: TIMEOUT })?;
        self.complete(found).await
    }

    /// Adds what the catalog does not have: the origin, and the data of a tenant that is served. The data of others may not be
    /// there yet, or any more.
    async fn complete(&self, found: Answer) -> Answer {
        match found?.map(|tenant| tenant.with_origin(self.origin)) {
            Some(tenant) if self.serves(&tenant) => self.load_data(tenant).await.map(Some),
            found => Ok(found),
        }
    }

    /// Returns the tenant with its data, if the application has a loader.
    pub(super) async fn load_data(&self, tenant: Tenant) -> Result<Tenant, CatalogError> {
        match &self.data_loader {
            Some((loader, db)) => loader.load(tenant, db).await,
            None => Ok(tenant),
        }
    }

    fn counted(&self, answer: Answer) -> Answer {
        if answer.is_err() {
            count(&self.counters.failures);
        }
        answer
    }

    fn keep(&self, key: &TenantKey, answer: &Answer, generation: Generation) {
        match answer {
            // A tenant that is refused for its version is not cached, so that it is served as soon as it is migrated.
            Ok(Some(tenant)) if self.refuses(tenant) => self.cache.remove(key),
            Ok(Some(tenant)) => self.cache.insert(key, tenant.clone(), generation),
            Ok(None) => self.cache.insert_unknown(key, generation),
            Err(error) => self.note_failure(key, error, generation),
        }
    }

    fn note_failure(&self, key: &TenantKey, error: &CatalogError, generation: Generation) {
        let (Cached::Tenant(tenant) | Cached::Stale { tenant, .. }) = self.cache.get(key) else {
            return;
        };
        if error.excuses(&tenant) {
            if self.cache.note_failure(key, generation) {
                tracing::warn!(%error, schema = %tenant.schema(), "a tenant is served as it was cached");
            }
        } else if error.is_of_data() {
            // The catalog said that the key is another tenant's now.
            self.cache.remove(key);
        }
    }

    /// True for a tenant that requests may reach.
    fn serves(&self, tenant: &Tenant) -> bool {
        tenant.status() == TenantStatus::Active && !self.refuses(tenant)
    }

    fn refuses(&self, tenant: &Tenant) -> bool {
        self.version_check
            .as_ref()
            .is_some_and(|check| check.refuses(tenant))
    }

    /// Drops all entries. Requests that come now begin a look-up of their own.
    pub(super) fn clear(&self) {
        count(&self.counters.invalidations);
        self.cache.clear();
        self.begun().clear();
    }

    /// Drops the entries that changes may concern.
    pub(super) fn invalidate(&self, changes: &Changes) {
        count(&self.counters.invalidations);
        self.cache.invalidate(changes);
        self.begun().clear();
    }

    pub(super) fn status(&self) -> CacheStatus {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheStatus {
            tenants: self.cache.len(),
            unknown: self.cache.unknown_len(),
            hits: read(&self.counters.hits),
            unknown_hits: read(&self.counters.unknown_hits),
            misses: read(&self.counters.misses),
            stale: read(&self.counters.stale),
            loads: read(&self.counters.loads),
            failures: read(&self.counters.failures),
            evictions: self.cache.evictions(),
            invalidations: read(&self.counters.invalidations),
            is_listening: self.is_listening.load(Ordering::Relaxed),
        }
    }

    fn begun(&self) -> MutexGuard<'_, HashMap<TenantKey, (Generation, Pending)>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A look-up in a task of its own.
struct Task {
    lookup: Arc<Lookup>,
    key: TenantKey,
    generation: Generation,
}

impl Task {
    async fn run(self, send: oneshot::Sender<Answer>) {
        let answer = self.lookup.read_in_time(&self.key).await;
        let answer = self.lookup.counted(answer);
        self.lookup.keep(&self.key, &answer, self.generation);
        // Whoever comes from now on finds the answer in the cache, or begins anew.
        drop(self);
        let _ = send.send(answer);
    }
}

/// Takes the look-up off the list, also if it panics. After the list was cleared, it may have a later one.
impl Drop for Task {
    fn drop(&mut self) {
        let mut begun = self.lookup.begun();
        if begun
            .get(&self.key)
            .is_some_and(|(generation, _)| *generation == self.generation)
        {
            begun.remove(&self.key);
        }
    }
}

#[cfg(test)]
#[path = "lookup_tests.rs"]
mod tests;

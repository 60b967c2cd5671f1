//! [`HostCache`]: the tenants of hosts and other keys, for a time to live. Its default is in `builder.rs`: drops and
//! renames wait for as long.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use quick_cache::{DefaultHashBuilder, Lifecycle, UnitWeighter, sync::Cache};

use crate::{
    host::Host,
    resolve::TenantKey,
    tenant::{Tenant, TenantId},
};

/// Capacity in keys that have a tenant. Each takes a few hundred bytes.
const MAX_HOSTS: usize = 100_000;

/// Capacity in keys that have none. Clients can invent any number of them, so they are apart from the others.
const MAX_UNKNOWN: usize = 10_000;

/// Longest time for which a key without a tenant is cached: one may be signed up at any moment.
const MAX_UNKNOWN_TTL: Duration = Duration::from_secs(5);

/// Time between two look-ups of a key while the catalog cannot be read.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Part of the time to live by which it is shortened at random: 1/10 at most. So hosts that were cached together are not
/// looked up together.
const JITTER: u32 = 10;

/// Caches the tenants of keys for a time to live, and for a short time the keys that no tenant has.
#[derive(Debug)]
pub(super) struct HostCache {
    tenants: Cache<TenantKey, CachedTenant, UnitWeighter, DefaultHashBuilder, CountEvictions>,
    /// The times at which unknown keys expire.
    unknown: Cache<TenantKey, Instant>,
    time_to_live: Duration,
    stale_time_to_live: Duration,
    /// Number of times that entries were dropped because the catalog changed.
    generation: AtomicU64,
    evictions: Arc<AtomicU64>,
    jitter: RandomState,
}

#[derive(Debug, Clone)]
struct CachedTenant {
    tenant: Tenant,
    expires: Instant,
    /// Time of the next look-up, if the last one failed.
    retry_at: Option<Instant>,
}

/// Counts the tenants that were dropped because the cache was full.
#[derive(Debug, Clone)]
struct CountEvictions(Arc<AtomicU64>);

impl Lifecycle<TenantKey, CachedTenant> for CountEvictions {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), _: TenantKey, _: CachedTenant) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Generation of the cache at the start of a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation(u64);

/// Entry of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cached {
    /// The tenant of the key.
    Tenant(Tenant),
    /// The tenant that the key had when it was looked up last. It may be served if the catalog cannot be read.
    Stale { tenant: Tenant, refresh: Refresh },
    /// No tenant has the key.
    Unknown,
    /// The key is not cached.
    Absent,
}

/// Look-up of a stale tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refresh {
    /// The request waits for it.
    Wait,
    /// The last one failed, so the request does not wait for the next one, which is due.
    InBackground,
    /// The last one failed, and the next one is not due yet.
    Later,
}

/// Changes to the catalog, or to the application's data of tenants.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) tenants: HashSet<TenantId>,
    pub(super) domains: HashSet<Host>,
    /// True if it is not known what else changed.
    pub(super) is_unknown: bool,
}

impl HostCache {
    /// Creates an empty cache. If the catalog cannot be read, tenants may be served for `stale_time_to_live` after their
    /// time to live.
    pub(super) fn new(time_to_live: Duration, stale_time_to_live: Duration) -> Self {
        let evictions = Arc::<AtomicU64>::default();
        Self {
            tenants: Cache::with(
                MAX_HOSTS,
                MAX_HOSTS as u64,
                UnitWeighter,
                DefaultHashBuilder::default(),
                CountEvictions(Arc::clone(&evictions)),
            ),
            unknown: Cache::new(MAX_UNKNOWN),
            time_to_live,
            stale_time_to_live,
            generation: AtomicU64::default(),
            evictions,
            jitter: RandomState::new(),
        }
    }

    /// False if each request reads the catalog.
    pub(super) fn is_on(&self) -> bool {
        !self.time_to_live.is_zero()
    }

    pub(super) fn get(&self, key: &TenantKey) -> Cached {
        let now = Instant::now();
        if let Some(found) = self.tenants.get(key) {
            if now < found.expires {
                return Cached::Tenant(found.tenant);
            }
            if now < found.expires + self.stale_time_to_live {
                let refresh = match found.retry_at {
                    None => Refresh::Wait,
                    Some(time) if now < time => Refresh::Later,
                    Some(_) => Refresh::InBackground,
                };
                let tenant = found.tenant;
                return Cached::Stale { tenant, refresh };
            }
        }
        match self.unknown.get(key) {
            Some(expires) if now < expires => Cached::Unknown,
            _ => Cached::Absent,
        }
    }

    /// Returns the generation. Read it before a look-up, and pass it to [`Self::insert`] after it.
    pub(super) fn generation(&self) -> Generation {
        Generation(self.generation.load(Ordering::Acquire))
    }

    /// Caches the result of a look-up, unless entries were dropped since it began: the result may be older than the
    /// change that they were dropped for.
    pub(super) fn insert(&self, key: &TenantKey, tenant: Tenant, generation: Generation) {
        let found = CachedTenant {
            tenant,
            expires: Instant::now() + self.shortened(key),
            retry_at: None,
        };
        self.put(key, found, generation);
        self.unknown.remove(key);
    }

    /// Caches that no tenant has a key.
    pub(super) fn insert_unknown(&self, key: &TenantKey, generation: Generation) {
        self.tenants.remove(key);
        if self.generation() != generation {
            return;
        }
        let expires = Instant::now() + self.time_to_live.min(MAX_UNKNOWN_TTL);
        self.unknown.insert(key.clone(), expires);
        if self.generation() != generation {
            self.unknown.remove(key);
        }
    }

    /// Notes that the look-up of a cached key failed, so that the next requests do not wait for another one. False if the
    /// key is not cached.
    pub(super) fn note_failure(&self, key: &TenantKey, generation: Generation) -> bool {
        let Some(mut found) = self.tenants.get(key) else {
            return false;
        };
        found.retry_at = Some(Instant::now() + RETRY_AFTER);
        self.put(key, found, generation);
        true
    }

    fn put(&self, key: &TenantKey, found: CachedTenant, generation: Generation) {
        if self.generation() != generation {
            return;
        }
        self.tenants.insert(key.clone(), found);
        // Entries may have been dropped between the check and the insertion.
        if self.generation() != generation {
            self.tenants.remove(key);
        }
    }

    /// Drops a tenant, as one that is not to be cached any more.
    pub(super) fn remove(&self, key: &TenantKey) {
        self.tenants.remove(key);
    }

    /// Drops all entries.
    pub(super) fn clear(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.tenants.clear();
        self.unknown.clear();
    }

    /// Drops the entries that changes may concern. Results of look-ups that have begun are not cached.
    pub(super) fn invalidate(&self, changes: &Changes) {
        if changes.is_unknown {
            return self.clear();
        }
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.unknown.clear();
        self.tenants.retain(|key, found| {
            let is_of_domain = match key {
                TenantKey::Host(host) | TenantKey::Slug(host) => changes.domains.contains(host),
                _ => false,
            };
            !is_of_domain && !changes.tenants.contains(&found.tenant.id())
        });
    }

    /// Number of cached tenants.
    pub(super) fn len(&self) -> usize {
        self.tenants.len()
    }

    /// Number of cached keys without a tenant.
    pub(super) fn unknown_len(&self) -> usize {
        self.unknown.len()
    }

    /// Number of tenants that were dropped because the cache was full.
    pub(super) fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }

    /// Returns the time to live, shortened by a random part.
    fn shortened(&self, key: &TenantKey) -> Duration {
        let longest = self.time_to_live / JITTER;
        // The random part differs between processes and between keys.
        let part = self.jitter.hash_one(key) % 1024;
        self.time_to_live - longest * u32::try_from(part).unwrap_or_default() / 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema_name::SchemaName;

    const LONG: Duration = Duration::from_secs(60);

    fn tenant(id: i64) -> Tenant {
        Tenant::new(TenantId(id), SchemaName::new("acme").unwrap(), "Acme")
    }

    fn host(name: &str) -> Host {
        Host::parse(name).unwrap()
    }

    fn key(name: &str) -> TenantKey {
        TenantKey::Host(host(name))
    }

    fn insert(cache: &HostCache, name: &str, id: i64) {
        cache.insert(&key(name), tenant(id), cache.generation());
    }

    fn changed_tenant(id: i64) -> Changes {
        Changes {
            tenants: HashSet::from([TenantId(id)]),
            ..Changes::default()
        }
    }

    #[test]
    fn caches_until_it_is_cleared() {
        let cache = HostCache::new(LONG, LONG);
        insert(&cache, "acme.example.com", 1);
        cache.insert_unknown(&key("b.example.com"), cache.generation());
        assert_eq!(cache.get(&key("acme.example.com")), Cached::Tenant(tenant(1)));
        assert_eq!(cache.get(&key("b.example.com")), Cached::Unknown);
        assert_eq!(cache.get(&key("c.example.com")), Cached::Absent);
        cache.clear();
        assert_eq!(cache.get(&key("acme.example.com")), Cached::Absent);
        assert_eq!(cache.get(&key("b.example.com")), Cached::Absent);
    }

    #[test]
    fn caches_for_its_time_to_live_and_is_stale_after_it() {
        let cache = HostCache::new(Duration::from_millis(20), Duration::from_millis(60));
        insert(&cache, "acme.example.com", 1);
        cache.insert_unknown(&key("b.example.com"), cache.generation());
        std::thread::sleep(Duration::from_millis(25));
        let stale = |refresh| Cached::Stale {
            tenant: tenant(1),
            refresh,
        };
        assert_eq!(cache.get(&key("acme.example.com")), stale(Refresh::Wait));
        cache.note_failure(&key("acme.example.com"), cache.generation());
        assert_eq!(cache.get(&key("acme.example.com")), stale(Refresh::Later));
        assert_eq!(cache.get(&key("b.example.com")), Cached::Absent);
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!(cache.get(&key("acme.example.com")), Cached::Absent);
    }

    #[test]
    fn the_time_to_live_is_shortened_by_a_tenth_at_most() {
        let cache = HostCache::new(LONG, LONG);
        let mut times: Vec<_> = (0..100)
            .map(|n| cache.shortened(&key(&format!("t{n}.test"))))
            .collect();
        assert!(
            times.iter().all(|time| (LONG * 9 / 10..=LONG).contains(time)),
            "{times:?}"
        );
        times.sort_unstable();
        times.dedup();
        assert!(times.len() > 50, "{times:?}");
    }

    #[test]
    fn a_look_up_that_began_before_a_change_is_not_cached() {
        for change in [HostCache::clear, |cache: &HostCache| {
            cache.invalidate(&changed_tenant(9));
        }] {
            let cache = HostCache::new(LONG, LONG);
            let begun = cache.generation();
            change(&cache);
            cache.insert(&key("acme.example.com"), tenant(1), begun);
            cache.insert_unknown(&key("b.example.com"), begun);
            assert_eq!(cache.get(&key("acme.example.com")), Cached::Absent);
            assert_eq!(cache.get(&key("b.example.com")), Cached::Absent);
        }
    }

    #[test]
    fn a_failure_does_not_bring_a_dropped_tenant_back() {
        let cache = HostCache::new(LONG, LONG);
        insert(&cache, "acme.example.com", 1);
        let begun = cache.generation();
        cache.clear();
        cache.note_failure(&key("acme.example.com"), begun);
        assert_eq!(cache.get(&key("acme.example.com")), Cached::Absent);
    }

    #[test]
    fn changes_drop_the_entries_that_they_concern() {
        let cache = HostCache::new(LONG, LONG);
        insert(&cache, "acme.example.com", 1);
        insert(&cache, "acme.test", 1);
        insert(&cache, "globex.example.com", 2);
        cache.insert_unknown(&key("new.example.com"), cache.generation());
        cache.invalidate(&changed_tenant(1));
        assert_eq!(cache.get(&key("acme.example.com")), Cached::Absent);
        assert_eq!(cache.get(&key("acme.test")), Cached::Absent);
        assert_eq!(cache.get(&key("globex.example.com")), Cached::Tenant(tenant(2)));
        assert_eq!(cache.get(&key("new.example.com")), Cached::Absent);

        // A new row can take a host from another tenant's wildcard.
        cache.invalidate(&Changes {
            domains: HashSet::from([host("globex.example.com")]),
            tenants: HashSet::from([TenantId(3)]),
            is_unknown: false,
        });
        assert_eq!(cache.get(&key("globex.example.com")), Cached::Absent);
    }

    #[test]
    fn evictions_are_counted_and_keep_the_cache_small() {
        let cache = HostCache::new(LONG, LONG);
        for number in 0..MAX_HOSTS + 5_000 {
            let key = TenantKey::Id(TenantId(i64::try_from(number).unwrap()));
            cache.insert(&key, tenant(1), cache.generation());
        }
        assert!(cache.len() <= MAX_HOSTS);
        assert!(cache.evictions() >= 5_000, "{}", cache.evictions());
        for number in 0..2 * MAX_UNKNOWN {
            let key = TenantKey::Id(TenantId(i64::try_from(number).unwrap()));
            cache.insert_unknown(&key, cache.generation());
        }
        assert!(cache.unknown_len() <= MAX_UNKNOWN);
    }
}

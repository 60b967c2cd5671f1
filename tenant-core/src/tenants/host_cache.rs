//! [`HostCache`]: the tenants of hosts, for a time to live. Its default is in `builder.rs`: drops and renames wait for as long.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use quick_cache::sync::Cache;

use crate::{host::Host, tenant::Tenant};

/// Capacity in hosts. Each takes a few hundred bytes.
const MAX_HOSTS: usize = 100_000;

/// Caches the tenants of hosts for a time to live. Unknown hosts are not cached: one may be signed up at any moment,
/// and clients can invent any number of them.
#[derive(Debug)]
pub(crate) struct HostCache {
    tenants: Cache<Host, CachedTenant>,
    time_to_live: Duration,
    /// Number of times that the cache was cleared.
    generation: AtomicU64,
}

#[derive(Debug, Clone)]
struct CachedTenant {
    tenant: Tenant,
    since: Instant,
}

/// Generation of the cache at the start of a look-up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Generation(u64);

impl HostCache {
    pub(crate) fn new(time_to_live: Duration) -> Self {
        Self {
            tenants: Cache::new(MAX_HOSTS),
            time_to_live,
            generation: AtomicU64::default(),
        }
    }

    pub(crate) fn get(&self, host: &Host) -> Option<Tenant> {
        let found = self.tenants.get(host)?;
        (found.since.elapsed() < self.time_to_live).then_some(found.tenant)
    }

    /// Returns the generation. Read it before a look-up, and pass it to [`Self::insert`] after it.
    pub(crate) fn generation(&self) -> Generation {
        Generation(self.generation.load(Ordering::Acquire))
    }

    /// Caches the result of a look-up, unless the cache was cleared since it began: the result may be older than the
    /// change that the clearing was for.
    pub(crate) fn insert(&self, host: &Host, tenant: Tenant, generation: Generation) {
        if self.generation().0 != generation.0 {
            return;
        }
        let since = Instant::now();
        self.tenants.insert(host.clone(), CachedTenant { tenant, since });
        // The cache may have been cleared between the check and the insertion.
        if self.generation().0 != generation.0 {
            self.tenants.remove(host);
        }
    }

    /// Drops all hosts.
    pub(crate) fn clear(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.tenants.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{schema_name::SchemaName, tenant::TenantId};

    fn entry() -> (Host, Tenant) {
        let host = Host::parse("acme.example.com").unwrap();
        let tenant = Tenant::new(TenantId(1), SchemaName::new("acme").unwrap(), "Acme");
        (host, tenant)
    }

    #[test]
    fn caches_until_it_is_cleared() {
        let cache = HostCache::new(Duration::from_secs(60));
        let (host, tenant) = entry();
        cache.insert(&host, tenant.clone(), cache.generation());
        assert_eq!(cache.get(&host), Some(tenant));
        cache.clear();
        assert_eq!(cache.get(&host), None);
    }

    #[test]
    fn caches_for_its_time_to_live() {
        let cache = HostCache::new(Duration::ZERO);
        let (host, tenant) = entry();
        cache.insert(&host, tenant, cache.generation());
        assert_eq!(cache.get(&host), None);
    }

    #[test]
    fn a_look_up_that_began_before_a_change_is_not_cached() {
        let cache = HostCache::new(Duration::from_secs(60));
        let (host, tenant) = entry();
        let begun = cache.generation();
        cache.clear();
        cache.insert(&host, tenant, begun);
        assert_eq!(cache.get(&host), None);
    }
}

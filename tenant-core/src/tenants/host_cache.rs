//! [`HostCache`]: which tenant a host was found to be.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use quick_cache::sync::Cache;

use crate::{host::Host, tenant::Tenant};

/// How many hosts are remembered at the most. Each takes a few hundred bytes.
const MAX_HOSTS: usize = 100_000;

/// Remembers hosts that are a tenant's, for as long as its time to live. A host that is nobody's is not
/// remembered: it may be signed up at any moment, and strangers can make up any number of them.
#[derive(Debug)]
pub(crate) struct HostCache {
    tenants: Cache<Host, Remembered>,
    time_to_live: Duration,
    /// Counts the times that anything was forgotten.
    generation: AtomicU64,
}

#[derive(Debug, Clone)]
struct Remembered {
    tenant: Tenant,
    since: Instant,
}

/// What the cache had forgotten when a look-up began.
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

    /// To be taken before a look-up, and handed to [`Self::insert`] after it.
    pub(crate) fn generation(&self) -> Generation {
        Generation(self.generation.load(Ordering::Acquire))
    }

    /// Remembers what a look-up found, unless something was forgotten while it was under way: what it
    /// found may be older than the reason to forget.
    pub(crate) fn insert(&self, host: &Host, tenant: Tenant, begun: Generation) {
        if self.generation().0 != begun.0 {
            return;
        }
        let since = Instant::now();
        self.tenants.insert(host.clone(), Remembered { tenant, since });
        // Between the check and the insertion something may have been forgotten.
        if self.generation().0 != begun.0 {
            self.tenants.remove(host);
        }
    }

    /// Forgets everything.
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
    fn remembers_until_it_is_cleared() {
        let cache = HostCache::new(Duration::from_secs(60));
        let (host, tenant) = entry();
        cache.insert(&host, tenant.clone(), cache.generation());
        assert_eq!(cache.get(&host), Some(tenant));
        cache.clear();
        assert_eq!(cache.get(&host), None);
    }

    #[test]
    fn remembers_for_its_time_to_live() {
        let cache = HostCache::new(Duration::ZERO);
        let (host, tenant) = entry();
        cache.insert(&host, tenant, cache.generation());
        assert_eq!(cache.get(&host), None);
    }

    #[test]
    fn a_look_up_that_began_before_a_change_is_not_remembered() {
        let cache = HostCache::new(Duration::from_secs(60));
        let (host, tenant) = entry();
        let begun = cache.generation();
        cache.clear();
        cache.insert(&host, tenant, begun);
        assert_eq!(cache.get(&host), None);
    }
}

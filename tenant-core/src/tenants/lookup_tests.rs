//! Tests of the look-up with a store that counts, waits and fails as it is told.

use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use sea_orm::DbErr;
use tokio::sync::Notify;

use super::*;
use crate::{
    host::Host,
    schema_name::SchemaName,
    tenant::{TenantId, TenantStatus},
    tenants::schema_versions::{SchemaVersions, SkewPolicy},
};

#[derive(Debug, Default)]
struct Store {
    reads: AtomicUsize,
    fails: AtomicBool,
    panics: AtomicBool,
    /// Each read waits for a permission.
    gate: Option<Arc<Notify>>,
    status: Mutex<Option<TenantStatus>>,
    /// The hosts belong to another tenant.
    moved: AtomicBool,
}

impl Store {
    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

/// Has a tenant for each host of two labels, and none for the others.
#[async_trait]
impl TenantStore for Arc<Store> {
    async fn by_domain(&self, domain: &Host) -> Result<Option<Tenant>, CatalogError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let status = self.status.lock().unwrap().unwrap_or(TenantStatus::Active);
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        assert!(!self.panics.load(Ordering::SeqCst), "the store panics");
        if self.fails.load(Ordering::SeqCst) {
            return Err(DbErr::Custom("no connection".to_owned()).into());
        }
        let found = domain.as_str().matches('.').count() == 1;
        let tenant = match self.moved.load(Ordering::SeqCst) {
            true => other_tenant(),
            false => tenant(),
        };
        Ok(found.then(|| tenant.with_status(status)))
    }

    async fn by_schema(&self, _: &SchemaName) -> Result<Option<Tenant>, CatalogError> {
        Ok(None)
    }

    async fn list(&self) -> Result<Vec<Tenant>, CatalogError> {
        Ok(vec![tenant()])
    }
}

fn tenant() -> Tenant {
    Tenant::new(TenantId(1), SchemaName::new("acme").unwrap(), "Acme")
}

fn other_tenant() -> Tenant {
    Tenant::new(TenantId(2), SchemaName::new("globex").unwrap(), "Globex")
}

/// The loader of an application: its data is the schema and the number of times that it was loaded.
#[derive(Debug, Default)]
struct Loader {
    loads: AtomicUsize,
    fails: AtomicBool,
    /// Each load waits for a permission.
    gate: Option<Arc<Notify>>,
}

impl Loader {
    fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    async fn load(&self, tenant: &Tenant) -> Result<Loaded, String> {
        assert_eq!(crate::context::current().as_ref(), Some(tenant));
        let load = self.loads.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        match self.fails.load(Ordering::SeqCst) {
            true => Err("no billing".to_owned()),
            false => Ok(Loaded(tenant.schema().to_string(), load)),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Loaded(String, usize);

fn with_loader(lookup: Lookup, loader: &Arc<Loader>) -> Arc<Lookup> {
    let loader = Arc::clone(loader);
    let load = DataLoader::new(move |tenant, _| {
        let loader = Arc::clone(&loader);
        async move { loader.load(&tenant).await }
    });
    Arc::new(lookup.with_data_loader(Some(load), &DatabaseConnection::default()))
}

fn key(host: &str) -> TenantKey {
    TenantKey::Host(Host::parse(host).unwrap())
}

fn lookup(store: &Arc<Store>, ttl: Duration) -> Arc<Lookup> {
    Arc::new(without_loader(store, ttl))
}

fn without_loader(store: &Arc<Store>, ttl: Duration) -> Lookup {
    let store: Arc<dyn TenantStore> = Arc::new(Arc::clone(store));
    Lookup::new(store, None, Origin::default(), HostCache::new(ttl, LONG))
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn many_requests_for_one_cold_host_make_one_look_up() {
    let gate = Arc::new(Notify::new());
    let store = Arc::new(Store {
        gate: Some(Arc::clone(&gate)),
        ..Store::default()
    });
    let lookup = lookup(&store, LONG);
    let find = || {
        let lookup = Arc::clone(&lookup);
        tokio::spawn(async move { lookup.find(&key("acme.test")).await.unwrap() })
    };
    let leader = find();
    tokio::task::yield_now().await;
    let others: Vec<_> = (0..10_000).map(|_| find()).collect();
    tokio::task::yield_now().await;
    // The request that began it is gone.
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    gate.notify_one();
    for other in others {
        assert_eq!(other.await.unwrap(), Some(tenant()));
    }
    assert_eq!(store.reads(), 1);
    assert_eq!(lookup.status().loads, 1);
    assert_eq!(lookup.status().misses, 10_001);
}

/// A request that finds nothing in the cache must not begin a second look-up if the first one ends just then.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_look_up_that_ends_meanwhile_is_not_repeated() {
    let store = Arc::new(Store::default());
    let lookup = lookup(&store, LONG);
    for round in 1..=500 {
        let tasks = (0..16).map(|_| {
            let lookup = Arc::clone(&lookup);
            tokio::spawn(async move {
                lookup
                    .find(&key(&format!("t{round}.test")))
                    .await
                    .unwrap()
                    .is_some()
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            assert!(task.await.unwrap());
        }
        assert_eq!(store.reads(), round);
    }
}

#[tokio::test]
async fn unknown_hosts_are_cached_and_errors_are_not() {
    let store = Arc::new(Store::default());
    let lookup = lookup(&store, LONG);
    for _ in 0..3 {
        assert_eq!(lookup.find(&key("a.b.test")).await.unwrap(), None);
    }
    assert_eq!(store.reads(), 1);
    assert_eq!(lookup.status().unknown_hits, 2);
    store.fails.store(true, Ordering::SeqCst);
    for reads in 2..4 {
        assert!(lookup.find(&key("acme.test")).await.is_err());
        assert_eq!(store.reads(), reads);
    }
    store.fails.store(false, Ordering::SeqCst);
    assert_eq!(lookup.find(&key("acme.test")).await.unwrap(), Some(tenant()));
}

#[tokio::test]
async fn a_cached_tenant_is_served_through_an_outage_and_not_after_a_change() {
    let store = Arc::new(Store::default());
    let lookup = lookup(&store, Duration::from_millis(10));
    assert!(lookup.find(&key("acme.test")).await.unwrap().is_some());
    store.fails.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(15)).await;
    for _ in 0..100 {
        assert_eq!(lookup.find(&key("acme.test")).await.unwrap(), Some(tenant()));
    }
    // One look-up failed, and the next is not due yet.
    assert_eq!(store.reads(), 2);
    assert_eq!(lookup.status().stale, 100);
    lookup.clear();
    assert!(lookup.find(&key("acme.test")).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_database_that_does_not_answer_holds_up_a_cached_tenant_for_a_moment_only() {
    let gate = Arc::<Notify>::default();
    let store = Arc::new(Store {
        gate: Some(Arc::clone(&gate)),
        ..Store::default()
    });
    let lookup = lookup(&store, Duration::from_nanos(1));
    gate.notify_one();
    assert!(lookup.find(&key("acme.test")).await.unwrap().is_some());
    let asked = tokio::time::Instant::now();
    assert_eq!(lookup.find(&key("acme.test")).await.unwrap(), Some(tenant()));
    assert_eq!(asked.elapsed(), STALE_WAIT);
    assert_eq!(lookup.status().stale, 1);
    // The look-up goes on, and the next request joins it.
    gate.notify_one();
    assert_eq!(lookup.find(&key("acme.test")).await.unwrap(), Some(tenant()));
    assert_eq!(store.reads(), 2);
}

#[tokio::test]
async fn the_end_of_an_outage_is_found_out_without_waiting() {
    let store = Arc::new(Store::default());
    let lookup = lookup(&store, Duration::from_millis(10));
    assert!(lookup.find(&key("acme.test")).await.unwrap().is_some());
    store.fails.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(15)).await;
    assert!(lookup.find(&key("acme.test")).await.unwrap().is_some());
    store.fails.store(false, Ordering::SeqCst);
    *store.status.lock().unwrap() = Some(TenantStatus::Suspended);
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    // The next look-up is due. This request does not wait for it, and the ones after it see its answer.
    let first = lookup
        .find(&key("acme.test"))
        .now_or_never()
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(first.status(), TenantStatus::Active);
    while lookup.find(&key("acme.test")).await.unwrap().unwrap().status() == TenantStatus::Active {
        tokio::task::yield_now().await;
    }
    assert!(store.reads() >= 3);
}

#[tokio::test]
async fn no_tenant_is_served_in_an_outage_where_that_is_not_wanted() {
    let store = Arc::new(Store::default());
    let shared: Arc<dyn TenantStore> = Arc::new(Arc::clone(&store));
    let cache = HostCache::new(Duration::from_millis(10), Duration::ZERO);
    let lookup = Arc::new(Lookup::new(shared, None, Origin::default(), cache));
    assert!(lookup.find(&key("acme.test")).await.unwrap().is_some());
    store.fails.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(15)).await;
    assert!(lookup.find(&key("acme.test")).await.is_err());
}

#[tokio::test]
async fn an_invalid_row_is_an_error_although_the_tenant_was_cached() {
    assert!(CatalogError::from(DbErr::Custom(String::new())).is_outage());
    let invalid = CatalogError::SchemaName {
        id: TenantId(1),
        source: SchemaName::new("").unwrap_err(),
    };
    assert!(!invalid.is_outage());
    let store = Arc::new(Store::default());
    let lookup = lookup(&store, Duration::from_millis(5));
    assert!(lookup.find(&key("acme.test")).await.unwrap().is_some());
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(lookup.stale(&key("acme.test"), invalid).is_err());
}

#[tokio::test]
async fn requests_after_a_change_do_not_join_a_look_up_from_before() {
    let gate = Arc::new(Notify::new());
    let store = Arc::new(Store {
        gate: Some(Arc::clone(&gate)),
        ..Store::default()
    });
    let lookup = lookup(&store, LONG);
    let find = || {
        let lookup = Arc::clone(&lookup);
        tokio::spawn(async move { lookup.find(&key("acme.test")).await.unwrap().unwrap().status() })
    };
    let before = find();
    while store.reads() < 1 {
        tokio::task::yield_now().await;
    }
    *store.status.lock().unwrap() = Some(TenantStatus::Suspended);
    lookup.clear();
    let after = find();
    while store.reads() < 2 {
        tokio::task::yield_now().await;
    }
    gate.notify_one();
    gate.notify_one();
    assert_eq!(before.await.unwrap(), TenantStatus::Active);
    assert_eq!(after.await.unwrap(), TenantStatus::Suspended);
    // The answer from before was not cached over the one from after.
    assert_eq!(find().await.unwrap(), TenantStatus::Suspended);
    assert_eq!(store.reads(), 2);
}

#[tokio::test]
async fn a_look_up_that_panics_fails_those_who_wait_and_no_others() {
    let store = Arc::new(Store::default());
    store.panics.store(true, Ordering::SeqCst);
    let lookup = lookup(&store, LONG);
    let interrupted = lookup.find(&key("acme.test")).await.unwrap_err();
    assert!(matches!(interrupted, CatalogError::Interrupted), "{interrupted}");
    store.panics.store(false, Ordering::SeqCst);
    assert!(lookup.find(&key("acme.test")).await.unwrap().is_some());
    assert!(lookup.begun().is_empty());
}

#[tokio::test(start_paused = true)]
async fn look_ups_are_limited_in_number_and_time() {
    let store = Arc::new(Store {
        gate: Some(Arc::default()),
        ..Store::default()
    });
    let lookup = lookup(&store, LONG);
    let find = |number: usize| {
        let lookup = Arc::clone(&lookup);
        tokio::spawn(async move { lookup.find(&key(&format!("t{number}.test"))).await })
    };
    let waiting: Vec<_> = (0..MAX_BEGUN).map(find).collect();
    tokio::task::yield_now().await;
    let busy = find(MAX_BEGUN).await.unwrap().unwrap_err();
    assert!(matches!(busy, CatalogError::Busy { .. }), "{busy}");
    assert_eq!(store.reads(), MAX_RUNNING);
    for waiting in waiting {
        let late = waiting.await.unwrap().unwrap_err();
        assert!(matches!(late, CatalogError::Timeout { .. }), "{late}");
    }
    assert!(lookup.begun().is_empty());
}

#[tokio::test]
async fn a_tenant_that_is_refused_for_its_version_is_not_cached() {
    let store = Arc::new(Store::default());
    let check = VersionCheck::new(SchemaVersions::new(["new"]), SkewPolicy::Refuse);
    let shared: Arc<dyn TenantStore> = Arc::new(Arc::clone(&store));
    let cache = HostCache::new(LONG, LONG);
    let lookup = Arc::new(Lookup::new(shared, Some(check), Origin::default(), cache));
    for reads in 1..4 {
        assert!(lookup.find(&key("acme.test")).await.unwrap().is_some());
        assert_eq!(store.reads(), reads);
    }
}

#[tokio::test]
async fn without_a_time_to_live_each_request_reads_the_catalog() {
    let store = Arc::new(Store::default());
    let lookup = lookup(&store, Duration::ZERO);
    for reads in 1..4 {
        assert!(lookup.find(&key("acme.test")).await.unwrap().is_some());
        assert_eq!(store.reads(), reads);
    }
    assert_eq!(lookup.find(&key("a.b.test")).await.unwrap(), None);
    assert_eq!(lookup.status().tenants + lookup.status().unknown, 0);
}

#[tokio::test]
async fn each_kind_of_key_asks_for_its_own() {
    let store = Arc::new(Store::default());
    let lookup = lookup(&store, LONG);
    let id = |id| TenantKey::Id(TenantId(id));
    assert_eq!(lookup.find(&id(1)).await.unwrap(), Some(tenant()));
    assert_eq!(lookup.find(&id(2)).await.unwrap(), None);
    let schema = TenantKey::Schema(SchemaName::new("acme").unwrap());
    assert_eq!(lookup.find(&schema).await.unwrap(), None);
    let slug = TenantKey::Slug(Host::parse("acme.test").unwrap());
    assert!(lookup.find(&slug).await.unwrap().is_some());
}

fn data(found: Answer) -> (String, usize) {
    let found = found.unwrap().unwrap();
    let Loaded(schema, load) = found.data::<Loaded>().unwrap();
    (schema.clone(), *load)
}

#[tokio::test]
async fn data_is_loaded_once_for_all_who_wait_and_nobody_sees_the_tenant_before() {
    let gate = Arc::new(Notify::new());
    let loader = Arc::new(Loader {
        gate: Some(Arc::clone(&gate)),
        ..Loader::default()
    });
    let store = Arc::new(Store::default());
    let lookup = with_loader(without_loader(&store, LONG), &loader);
    let find = || {
        let lookup = Arc::clone(&lookup);
        tokio::spawn(async move { data(lookup.find(&key("acme.test")).await) })
    };
    let early: Vec<_> = (0..100).map(|_| find()).collect();
    while loader.loads() == 0 {
        tokio::task::yield_now().await;
    }
    // The catalog was read. Those who come now wait for the data, too.
    let late: Vec<_> = (0..100).map(|_| find()).collect();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(early.iter().chain(&late).all(|task| !task.is_finished()));
    gate.notify_one();
    for task in early.into_iter().chain(late) {
        assert_eq!(task.await.unwrap(), ("acme".to_owned(), 1));
    }
    assert_eq!(data(lookup.find(&key("acme.test")).await), ("acme".to_owned(), 1));
    assert_eq!((loader.loads(), store.reads()), (1, 1));
}

#[tokio::test]
async fn data_is_loaded_again_after_the_time_to_live_and_after_a_change() {
    let (loader, store) = (Arc::new(Loader::default()), Arc::new(Store::default()));
    let lookup = with_loader(without_loader(&store, Duration::from_millis(200)), &loader);
    let find = async || data(lookup.find(&key("acme.test")).await).1;
    assert_eq!((find().await, find().await), (1, 1));
    lookup.invalidate(&Changes {
        tenants: [TenantId(2)].into(),
        ..Changes::default()
    });
    assert_eq!(find().await, 1);
    lookup.invalidate(&Changes {
        tenants: [TenantId(1)].into(),
        ..Changes::default()
    });
    assert_eq!((find().await, find().await), (2, 2));
    tokio::time::sleep(Duration::from_millis(210)).await;
    assert_eq!(find().await, 3);

    let uncached = with_loader(without_loader(&store, Duration::ZERO), &loader);
    for load in 4..6 {
        assert_eq!(data(uncached.find(&key("acme.test")).await).1, load);
    }
}

#[tokio::test]
async fn an_error_of_the_loader_names_the_tenant_and_is_not_cached() {
    let (loader, store) = (Arc::new(Loader::default()), Arc::new(Store::default()));
    let lookup = with_loader(without_loader(&store, LONG), &loader);
    loader.fails.store(true, Ordering::SeqCst);
    for loads in 1..4 {
        let error = lookup.find(&key("acme.test")).await.unwrap_err();
        assert!(matches!(error, CatalogError::Data { .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.starts_with("tenant acme (id 1): ") && text.ends_with(": no billing"),
            "{text}"
        );
        assert_eq!((loader.loads(), lookup.status().failures), (loads, loads as u64));
    }
    loader.fails.store(false, Ordering::SeqCst);
    assert_eq!(data(lookup.find(&key("acme.test")).await).1, 4);
}

#[tokio::test]
async fn the_cached_data_of_the_same_tenant_outlives_an_error_of_the_loader() {
    let (loader, store) = (Arc::new(Loader::default()), Arc::new(Store::default()));
    let lookup = with_loader(without_loader(&store, Duration::from_millis(10)), &loader);
    let find = async || lookup.find(&key("acme.test")).await;
    assert_eq!(data(find().await), ("acme".to_owned(), 1));
    loader.fails.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(15)).await;
    for _ in 0..10 {
        assert_eq!(data(find().await), ("acme".to_owned(), 1));
    }
    assert_eq!(loader.loads(), 2);
}

/// The catalog was read, so it is known that the host has moved: its last tenant is not served there any more.
#[tokio::test]
async fn no_other_tenant_is_served_for_an_error_of_the_loader() {
    let (loader, store) = (Arc::new(Loader::default()), Arc::new(Store::default()));
    let lookup = with_loader(without_loader(&store, Duration::from_millis(10)), &loader);
    let find = async || lookup.find(&key("acme.test")).await;
    assert_eq!(data(find().await).0, "acme");
    loader.fails.store(true, Ordering::SeqCst);
    store.moved.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(15)).await;
    for _ in 0..3 {
        assert!(matches!(find().await, Err(CatalogError::Data { .. })));
    }
    // Neither is it in an outage that comes then.
    store.fails.store(true, Ordering::SeqCst);
    assert!(find().await.is_err());
    store.fails.store(false, Ordering::SeqCst);
    loader.fails.store(false, Ordering::SeqCst);
    assert_eq!(data(find().await).0, "globex");
}

#[tokio::test]
async fn no_data_is_loaded_for_a_tenant_that_is_not_served() {
    let (loader, store) = (Arc::new(Loader::default()), Arc::new(Store::default()));
    loader.fails.store(true, Ordering::SeqCst);
    let lookup = with_loader(without_loader(&store, Duration::ZERO), &loader);
    for status in TenantStatus::ALL
        .into_iter()
        .filter(|status| *status != TenantStatus::Active)
    {
        *store.status.lock().unwrap() = Some(status);
        let found = lookup.find(&key("acme.test")).await.unwrap().unwrap();
        assert_eq!(found.status(), status);
        assert!(matches!(
            found.data::<Loaded>(),
            Err(crate::TenantDataError::NotLoaded { .. })
        ));
    }
    *store.status.lock().unwrap() = None;
    let check = VersionCheck::new(SchemaVersions::new(["new"]), SkewPolicy::Refuse);
    let shared: Arc<dyn TenantStore> = Arc::new(Arc::clone(&store));
    let behind = Lookup::new(shared, Some(check), Origin::default(), HostCache::new(LONG, LONG));
    assert!(
        with_loader(behind, &loader)
            .find(&key("acme.test"))
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(loader.loads(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_loader_has_a_limited_time() {
    let loader = Arc::new(Loader {
        gate: Some(Arc::default()),
        ..Loader::default()
    });
    let lookup = with_loader(without_loader(&Arc::new(Store::default()), LONG), &loader);
    let late = lookup.find(&key("acme.test")).await.unwrap_err();
    assert!(matches!(late, CatalogError::DataTimeout { .. }), "{late}");
    assert!(late.to_string().starts_with("tenant acme (id 1): "), "{late}");
    assert!(lookup.begun().is_empty());
}

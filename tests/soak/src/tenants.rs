//! [`TenantSet`]: all tenants, and an application's handles on them.
//!
//! Each tenant has a slot. When a tenant is deleted, a new tenant takes its slot. The new tenant has a schema and a
//! host of its own, since names are never used again.

use std::{
    error::Error,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{StreamExt, TryStreamExt, stream};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use tenant_core::{Host, SchemaName, Scope, Tenant, TenantConnection, Tenants};
use tenant_migration::{Action, Executor, NewTenant, Target, create_tenant};

use crate::{migrations, requests::Site};

/// Number of connections of the pool that most tasks share.
pub(crate) const POOL: u32 = 8;
/// Number of connections of the pool behind the proxy.
pub(crate) const FAULTY_POOL: u32 = 4;
/// Number of connections of the pool whose statements run as the tenants' roles.
pub(crate) const ROLES_POOL: u32 = 3;
/// `host_cache_ttl` of the handles whose cache is never cleared.
pub(crate) const SHORT_HOST_CACHE_TTL: Duration = Duration::from_millis(200);

/// A tenant, from its creation to its deletion.
#[derive(Debug)]
pub(crate) struct TestTenant {
    /// The tenant as it was created.
    pub(crate) record: Tenant,
    pub(crate) host: Host,
    pub(crate) number: u64,
    state: AtomicU8,
    pub(crate) service: ServiceStatus,
}

const ALIVE: u8 = 0;
const DELETING: u8 = 1;
const DELETED: u8 = 2;

impl TestTenant {
    fn new(record: Tenant, host: Host, number: u64) -> Self {
        Self {
            record,
            host,
            number,
            state: AtomicU8::new(ALIVE),
            service: ServiceStatus::default(),
        }
    }

    /// Returns the name of its schema, which all its rows carry.
    pub(crate) fn watermark(&self) -> &str {
        self.record.schema().as_str()
    }

    pub(crate) fn schema(&self) -> &SchemaName {
        self.record.schema()
    }

    /// Marks it as being deleted. Call it before anything of the tenant is deleted.
    pub(crate) fn begin_deletion(&self) {
        self.state.store(DELETING, Ordering::SeqCst);
    }

    /// Marks it as deleted. Call it when the schema and the role are dropped.
    pub(crate) fn end_deletion(&self) {
        self.state.store(DELETED, Ordering::SeqCst);
    }

    /// True if it is being deleted or is deleted.
    pub(crate) fn deletion_has_begun(&self) -> bool {
        self.state.load(Ordering::SeqCst) != ALIVE
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.state.load(Ordering::SeqCst) == DELETED
    }
}

/// Expected result of a tenant's requests: served or refused.
#[derive(Debug)]
pub(crate) struct ServiceStatus {
    /// Number of changes begun and ended. Odd during a change.
    version: AtomicU64,
    is_served: AtomicBool,
    changed: Mutex<Instant>,
}

/// A [`ServiceStatus`] at one point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServiceSnapshot {
    version: u64,
    pub(crate) is_served: bool,
    since: Instant,
}

impl Default for ServiceStatus {
    fn default() -> Self {
        Self {
            version: AtomicU64::new(0),
            is_served: AtomicBool::new(true),
            changed: Mutex::new(Instant::now()),
        }
    }
}

impl ServiceStatus {
    /// Begins a change. Call it before the catalog is changed.
    pub(crate) fn begin_change(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    /// Ends a change. Call it after the catalog is changed and the cached hosts are dropped.
    pub(crate) fn end_change(&self, is_served: bool) {
        self.is_served.store(is_served, Ordering::SeqCst);
        *self.changed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn snapshot(&self) -> ServiceSnapshot {
        ServiceSnapshot {
            version: self.version.load(Ordering::SeqCst),
            is_served: self.is_served.load(Ordering::SeqCst),
            since: *self.changed.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl ServiceSnapshot {
    /// True if nothing changed between this snapshot and a later one.
    pub(crate) fn holds_until(&self, later: &Self) -> bool {
        self == later && self.version.is_multiple_of(2)
    }

    /// True if no host cache with this TTL holds an older status.
    pub(crate) fn outlives(&self, host_cache_ttl: Duration) -> bool {
        self.since.elapsed() > host_cache_ttl * 2
    }
}

/// The pool that a task uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolKind {
    /// Connected to the server. No connection error is excused.
    Direct,
    /// Connected through the proxy, which breaks connections.
    Faulty,
    /// Connected to the server. Statements run as the tenant's role.
    Roles,
}

/// An application's handles on one pool.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) tenants: Tenants,
    pub(crate) site: Site,
}

impl Handle {
    fn new(tenants: Tenants) -> Self {
        Self {
            site: Site::new(tenants.clone()),
            tenants,
        }
    }
}

/// All tenants, and an application's handles on them.
#[derive(Debug)]
pub(crate) struct TenantSet {
    slots: Vec<RwLock<Arc<TestTenant>>>,
    /// The tenant that was deleted last.
    last_deleted: Mutex<Option<Arc<TestTenant>>>,
    created: AtomicU64,
    direct: Handle,
    faulty: Handle,
    roles: Handle,
    /// Uses the direct pool. Its host cache is never cleared, and has a short TTL.
    unnotified: Handle,
    /// A superuser's connection, for administration.
    pub(crate) admin: DatabaseConnection,
    pub(crate) url: String,
}

pub(crate) type AnyError = Box<dyn Error + Send + Sync>;

impl TenantSet {
    /// Creates the shared schema and the tenants in the empty database at `url`. `faulty_url` is the same database
    /// behind the proxy.
    pub(crate) async fn create(
        url: &str,
        faulty_url: &str,
        count: u32,
        acquire_timeout: Duration,
    ) -> Result<Self, AnyError> {
        let executor = Executor::connect(options(url, 1), migrations::base()).await?;
        let plan = executor.plan(&Target::Shared, Action::UP).await?;
        let _done = executor.run(plan, &mut ()).await.into_result()?;
        executor.close().await?;

        let admin = Database::connect(options(url, 4)).await?;
        let numbers = 1..=u64::from(count);
        let tenants: Vec<_> = stream::iter(numbers)
            .map(|number| create_test_tenant(&admin, number))
            .buffered(4)
            .try_collect()
            .await?;
        // A table without an entity.
        let builder = || Tenants::builder().table(Scope::Tenant, "seal");
        let direct = builder()
            .connect(direct_pool_options(url, POOL, acquire_timeout))
            .await?;
        let unnotified = builder()
            .host_cache_ttl(SHORT_HOST_CACHE_TTL)
            .from_connection(direct.shared_connection().clone())
            .await?;
        let roles = builder()
            .run_as_tenant_roles()
            .connect(direct_pool_options(url, ROLES_POOL, acquire_timeout))
            .await?;
        let faulty = builder()
            .host_cache_ttl(SHORT_HOST_CACHE_TTL)
            .stale_if_error(Duration::ZERO)
            .connect(pool_options(faulty_url, FAULTY_POOL, acquire_timeout))
            .await?;
        Ok(Self {
            slots: tenants
                .into_iter()
                .map(|tenant| RwLock::new(Arc::new(tenant)))
                .collect(),
            last_deleted: Mutex::default(),
            created: AtomicU64::new(u64::from(count)),
            direct: Handle::new(direct),
            faulty: Handle::new(faulty),
            roles: Handle::new(roles),
            unnotified: Handle::new(unnotified),
            admin,
            url: url.to_owned(),
        })
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Returns the tenant that has the slot now.
    pub(crate) fn tenant(&self, slot: usize) -> Arc<TestTenant> {
        let tenant = self.slots[slot].read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&tenant)
    }

    pub(crate) fn handle(&self, pool: PoolKind) -> &Handle {
        match pool {
            PoolKind::Direct => &self.direct,
            PoolKind::Faulty => &self.faulty,
            PoolKind::Roles => &self.roles,
        }
    }

    /// Returns the handle whose host cache is never cleared.
    pub(crate) fn unnotified(&self) -> &Handle {
        &self.unnotified
    }

    pub(crate) fn connection(&self, pool: PoolKind, tenant: &TestTenant) -> TenantConnection {
        self.handle(pool).tenants.connection(&tenant.record)
    }

    /// Drops the cached hosts of the handles that are notified of changes.
    pub(crate) fn forget_hosts(&self) {
        self.direct.tenants.forget_hosts();
        self.roles.tenants.forget_hosts();
    }

    /// Returns the tenant that was deleted last, if any.
    pub(crate) fn last_deleted(&self) -> Option<Arc<TestTenant>> {
        self.last_deleted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Creates a tenant in the slot of a deleted tenant.
    pub(crate) async fn replace(&self, slot: usize) -> Result<(), AnyError> {
        let number = self.created.fetch_add(1, Ordering::Relaxed) + 1;
        let new = Arc::new(create_test_tenant(&self.admin, number).await?);
        let mut place = self.slots[slot].write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *place, new);
        *self.last_deleted.lock().unwrap_or_else(PoisonError::into_inner) = Some(old);
        Ok(())
    }

    /// Runs a statement as the superuser.
    pub(crate) async fn execute(&self, sql: &str) -> Result<(), sea_orm::DbErr> {
        self.admin.execute_unprepared(sql).await.map(|_| ())
    }
}

async fn create_test_tenant(admin: &DatabaseConnection, number: u64) -> Result<TestTenant, AnyError> {
    let schema = SchemaName::for_tenant(format!("tenant_{number}"))?;
    let host = Host::parse(&format!("tenant-{number}.example.com"))?;
    let new = NewTenant::new(schema, format!("Tenant {number}")).domain(host.clone());
    let tenant = create_tenant(admin, &migrations::base(), &new).await?;
    Ok(TestTenant::new(tenant, host, number))
}

/// Returns the options of an application's pool.
fn pool_options(url: &str, connections: u32, acquire_timeout: Duration) -> ConnectOptions {
    let mut options = options(url, connections);
    options.acquire_timeout(acquire_timeout);
    options
}

/// Returns the options of a pool without the proxy. Its connections need no test before they are used.
fn direct_pool_options(url: &str, connections: u32, acquire_timeout: Duration) -> ConnectOptions {
    let mut options = pool_options(url, connections, acquire_timeout);
    options.test_before_acquire(false);
    options
}

/// Returns the options of a pool that does not log its statements.
pub(crate) fn options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.max_connections(connections).sqlx_logging(false);
    options
}

/// The `search_path` of a new session: PostgreSQL's default without `"$user"`.
pub(crate) const SEARCH_PATH: &str = "public";

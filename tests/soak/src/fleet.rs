//! [`Fleet`]: all tenants, and the handles on them.
//!
//! A tenant has a seat. When it is deleted, another one takes its seat, with a schema and a host of its own, since
//! names are never used again.

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

/// The connections of the pool that most tasks share.
pub(crate) const POOL: u32 = 8;
/// The connections of the pool behind the proxy.
pub(crate) const FAULTY_POOL: u32 = 4;
/// The connections of the pool whose statements run as the tenants' roles.
pub(crate) const ROLES_POOL: u32 = 3;
/// How long hosts are remembered by those whom nobody tells to forget one.
pub(crate) const SHORT_MEMORY: Duration = Duration::from_millis(200);

/// One tenant, from its creation to its end.
#[derive(Debug)]
pub(crate) struct Resident {
    pub(crate) tenant: Tenant,
    pub(crate) host: Host,
    pub(crate) number: u64,
    life: AtomicU8,
    pub(crate) service: Service,
}

const ALIVE: u8 = 0;
const LEAVING: u8 = 1;
const GONE: u8 = 2;

impl Resident {
    fn new(tenant: Tenant, host: Host, number: u64) -> Self {
        Self {
            tenant,
            host,
            number,
            life: AtomicU8::new(ALIVE),
            service: Service::default(),
        }
    }

    /// The name of its schema, which all its rows carry.
    pub(crate) fn watermark(&self) -> &str {
        self.tenant.schema().as_str()
    }

    pub(crate) fn schema(&self) -> &SchemaName {
        self.tenant.schema()
    }

    /// To be called before anything of it is deleted.
    pub(crate) fn leave(&self) {
        self.life.store(LEAVING, Ordering::SeqCst);
    }

    /// To be called when all of it is deleted.
    pub(crate) fn be_gone(&self) {
        self.life.store(GONE, Ordering::SeqCst);
    }

    /// Whether it is being deleted, or was.
    pub(crate) fn is_leaving(&self) -> bool {
        self.life.load(Ordering::SeqCst) != ALIVE
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.life.load(Ordering::SeqCst) == GONE
    }
}

/// Whether the requests of a tenant are to be served.
#[derive(Debug)]
pub(crate) struct Service {
    /// Odd while it changes.
    version: AtomicU64,
    is_served: AtomicBool,
    changed: Mutex<Instant>,
}

/// What can be said of the service at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    version: u64,
    pub(crate) is_served: bool,
    since: Instant,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            version: AtomicU64::new(0),
            is_served: AtomicBool::new(true),
            changed: Mutex::new(Instant::now()),
        }
    }
}

impl Service {
    /// The catalog is about to say something else.
    pub(crate) fn begin_change(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    /// The catalog says so, and hosts are forgotten.
    pub(crate) fn end_change(&self, is_served: bool) {
        self.is_served.store(is_served, Ordering::SeqCst);
        *self.changed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Moment {
        Moment {
            version: self.version.load(Ordering::SeqCst),
            is_served: self.is_served.load(Ordering::SeqCst),
            since: *self.changed.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl Moment {
    /// Whether nothing changed from this moment to a later one, for those who are told of changes.
    pub(crate) fn holds_until(&self, later: &Self) -> bool {
        self == later && self.version.is_multiple_of(2)
    }

    /// The same for those who are not told, and remember for a while.
    pub(crate) fn is_older_than(&self, memory: Duration) -> bool {
        self.since.elapsed() > memory * 2
    }
}

/// Which of the pools a task works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Straight to the server. No error of the connection is excused.
    Direct,
    /// Through the proxy that breaks connections.
    Faulty,
    /// Straight to the server, as the tenant's role.
    Roles,
}

/// The handles of an application, by lane.
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

/// All tenants, and the handles on them.
#[derive(Debug)]
pub(crate) struct Fleet {
    seats: Vec<RwLock<Arc<Resident>>>,
    /// One that was deleted.
    departed: Mutex<Option<Arc<Resident>>>,
    created: AtomicU64,
    direct: Handle,
    faulty: Handle,
    roles: Handle,
    /// On the direct lane's pool. Nobody tells it to forget a host, and it remembers none for long.
    untold: Handle,
    /// A superuser's connection, for what is no application's work.
    pub(crate) admin: DatabaseConnection,
    pub(crate) url: String,
}

pub(crate) type AnyError = Box<dyn Error + Send + Sync>;

impl Fleet {
    /// Makes the shared schema and the tenants in an empty database at `url`; `faulty_url` leads there through the
    /// proxy.
    pub(crate) async fn create(
        url: &str,
        faulty_url: &str,
        count: u32,
        patience: Duration,
    ) -> Result<Self, AnyError> {
        let executor = Executor::connect(options(url, 1), migrations::base()).await?;
        let plan = executor.plan(&Target::Shared, Action::UP).await?;
        let _done = executor.run(plan, &mut ()).await.into_result()?;
        executor.close().await?;

        let admin = Database::connect(options(url, 4)).await?;
        let numbers = 1..=u64::from(count);
        let residents: Vec<_> = stream::iter(numbers)
            .map(|number| create_resident(&admin, number))
            .buffered(4)
            .try_collect()
            .await?;
        // A table without an entity.
        let builder = || Tenants::builder().table(Scope::Tenant, "seal");
        let direct = builder().connect(unbroken_pool(url, POOL, patience)).await?;
        let untold = builder()
            .host_cache_ttl(SHORT_MEMORY)
            .from_connection(direct.shared_connection().clone())
            .await?;
        let roles = builder()
            .run_as_tenant_roles()
            .connect(unbroken_pool(url, ROLES_POOL, patience))
            .await?;
        let faulty = builder()
            .host_cache_ttl(SHORT_MEMORY)
            .connect(pool(faulty_url, FAULTY_POOL, patience))
            .await?;
        Ok(Self {
            seats: residents
                .into_iter()
                .map(|resident| RwLock::new(Arc::new(resident)))
                .collect(),
            departed: Mutex::default(),
            created: AtomicU64::new(u64::from(count)),
            direct: Handle::new(direct),
            faulty: Handle::new(faulty),
            roles: Handle::new(roles),
            untold: Handle::new(untold),
            admin,
            url: url.to_owned(),
        })
    }

    pub(crate) fn seats(&self) -> usize {
        self.seats.len()
    }

    /// The tenant that has the seat now.
    pub(crate) fn resident(&self, seat: usize) -> Arc<Resident> {
        let resident = self.seats[seat].read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&resident)
    }

    pub(crate) fn handle(&self, lane: Lane) -> &Handle {
        match lane {
            Lane::Direct => &self.direct,
            Lane::Faulty => &self.faulty,
            Lane::Roles => &self.roles,
        }
    }

    /// The handle that nobody tells to forget a host.
    pub(crate) fn untold(&self) -> &Handle {
        &self.untold
    }

    pub(crate) fn connection(&self, lane: Lane, resident: &Resident) -> TenantConnection {
        self.handle(lane).tenants.connection(&resident.tenant)
    }

    /// Tells the handles that the catalog changed, but for the one behind the proxy.
    pub(crate) fn forget_hosts(&self) {
        self.direct.tenants.forget_hosts();
        self.roles.tenants.forget_hosts();
    }

    /// A tenant that was deleted, if any was.
    pub(crate) fn departed(&self) -> Option<Arc<Resident>> {
        self.departed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Creates a tenant and gives it the seat of one that is gone.
    pub(crate) async fn replace(&self, seat: usize) -> Result<(), AnyError> {
        let number = self.created.fetch_add(1, Ordering::Relaxed) + 1;
        let new = Arc::new(create_resident(&self.admin, number).await?);
        let mut place = self.seats[seat].write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *place, new);
        *self.departed.lock().unwrap_or_else(PoisonError::into_inner) = Some(old);
        Ok(())
    }

    /// Runs a statement as it is written, as the superuser.
    pub(crate) async fn execute(&self, sql: &str) -> Result<(), sea_orm::DbErr> {
        self.admin.execute_unprepared(sql).await.map(|_| ())
    }
}

async fn create_resident(admin: &DatabaseConnection, number: u64) -> Result<Resident, AnyError> {
    let schema = SchemaName::for_tenant(format!("tenant_{number}"))?;
    let host = Host::parse(&format!("tenant-{number}.example.com"))?;
    let new = NewTenant::new(schema, format!("Tenant {number}")).domain(host.clone());
    let tenant = create_tenant(admin, &migrations::base(), &new).await?;
    Ok(Resident::new(tenant, host, number))
}

/// What an application's pool is made of. Nobody waits longer than `patience` for a connection.
fn pool(url: &str, connections: u32, patience: Duration) -> ConnectOptions {
    let mut options = options(url, connections);
    options.acquire_timeout(patience);
    options
}

/// The same, for connections that nobody breaks: they need no test before they are used.
fn unbroken_pool(url: &str, connections: u32, patience: Duration) -> ConnectOptions {
    let mut options = pool(url, connections, patience);
    options.test_before_acquire(false);
    options
}

/// What connections are made of: quiet.
pub(crate) fn options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.max_connections(connections).sqlx_logging(false);
    options
}

/// The `search_path` of a session as it is made.
pub(crate) const SEARCH_PATH: &str = "\"$user\", public";

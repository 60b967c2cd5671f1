//! [`TestTenants`]: tenants for a test.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
};

use sea_orm::ConnectOptions;
use tenant_core::{Host, SchemaName, Tenant, TenantConnection, Tenants, TenantsBuilder};
use tokio::sync::Mutex;

use super::{database::TestDatabase, template};
use crate::{
    define::Migrations,
    lifecycle::{NewTenant, create_tenant},
};

/// Default number of schemas that are ready for tenants in a new database.
pub const DEFAULT_TEST_POOL: usize = 16;

/// Tenants for one test. See the [module](super) for an example.
///
/// All tests of a process share one database, so that a test is ready within milliseconds. Each tenant is new, and nobody
/// else's. Shared tables belong to all tests of the process: a test that writes to them, or counts tenants, has a database of
/// its own by [`TestTenantsBuilder::own_database`].
///
/// The databases are copies of a template, which is made once for each build of the test program.
#[derive(Debug)]
pub struct TestTenants {
    // Closed before the database is dropped.
    tenants: Tenants,
    migrations: Migrations,
    database: Arc<TestDatabase>,
}

impl TestTenants {
    /// Connects to the database of this process, which is created for the first test.
    ///
    /// # Panics
    /// If `DATABASE_URL` is not set, names no reachable server, its user may not create databases, or a migration fails.
    pub async fn start(migrations: Migrations) -> Self {
        Self::builder(migrations).start().await
    }

    /// Begins with the options of a test.
    pub fn builder(migrations: Migrations) -> TestTenantsBuilder {
        TestTenantsBuilder {
            migrations,
            tenants: Tenants::builder(),
            pool: DEFAULT_TEST_POOL,
            own_database: false,
        }
    }

    /// Creates an active tenant with all migrations. Its schema is `name`, `_` and a number, and its domain the same with
    /// hyphens below `localhost`: `acme_7`, `acme-7.localhost`.
    ///
    /// # Panics
    /// If the name cannot be a schema's, or a migration or [`seed`](crate::TenantHooks::seed) fails.
    pub async fn tenant(&self, name: &str) -> TestTenant {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let schema = format!("{name}_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let host = format!("{}.localhost", schema.replace('_', "-"));
        let host = Host::parse(&host).expect("a name that can be a host's");
        let schema = SchemaName::for_tenant(&schema).expect("a name that can be a schema's");
        self.create(NewTenant::new(schema, name).domain(host)).await
    }

    /// Creates a tenant as it is described, such as one of another kind.
    ///
    /// # Panics
    /// If it cannot be created.
    pub async fn create(&self, new: NewTenant) -> TestTenant {
        let created = create_tenant(self.tenants.shared_connection(), &self.migrations, &new).await;
        let tenant = created.unwrap_or_else(|error| panic!("{error}"));
        TestTenant {
            db: self.tenants.connection(&tenant),
            tenant,
        }
    }

    /// Returns the handle of the application's tenants, for the application under test.
    #[must_use]
    pub fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// Returns the database.
    #[must_use]
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }
}

/// Options of [`TestTenants`].
#[derive(Debug)]
#[must_use = "nothing is created before `start`"]
pub struct TestTenantsBuilder {
    migrations: Migrations,
    tenants: TenantsBuilder,
    pool: usize,
    own_database: bool,
}

impl TestTenantsBuilder {
    /// Connects with the options of the application, such as its functions. Default: [`Tenants::builder`].
    pub fn tenants(mut self, tenants: TenantsBuilder) -> Self {
        self.tenants = tenants;
        self
    }

    /// Sets how many schemas are ready for tenants in a new database. More make the first test wait longer, and each copy of
    /// the template larger. Tenants beyond that run all migrations. Default: [`DEFAULT_TEST_POOL`].
    pub fn pool(mut self, schemas: usize) -> Self {
        self.pool = schemas;
        self
    }

    /// Gives the test a database of its own, a copy of the template, which takes about 0.1 s.
    pub fn own_database(mut self) -> Self {
        self.own_database = true;
        self
    }

    /// Connects to the database, which is created where it is missing.
    ///
    /// # Panics
    /// As [`TestTenants::start`].
    pub async fn start(self) -> TestTenants {
        let database = match self.own_database {
            true => Arc::new(self.copy(&self.template()).await),
            false => self.database_of_process().await,
        };
        let mut options = ConnectOptions::new(database.url());
        // Many tests run at once, and a server has a hundred connections.
        options.max_connections(2).sqlx_logging(false);
        TestTenants {
            tenants: self.tenants.connect(options).await.expect("connect"),
            migrations: self.migrations,
            database,
        }
    }

    fn template(&self) -> String {
        template::name(&self.migrations, self.pool)
    }

    /// Creates a copy of the template, which is created where it is missing.
    async fn copy(&self, template: &str) -> TestDatabase {
        template::ensure(template, &self.migrations, self.pool).await;
        TestDatabase::copy(template).await
    }

    /// Returns the copy of the template that the tests of this process share. It is dropped with the last of them.
    async fn database_of_process(&self) -> Arc<TestDatabase> {
        static DATABASES: Mutex<BTreeMap<String, Weak<TestDatabase>>> = Mutex::const_new(BTreeMap::new());
        let template = self.template();
        let mut databases = DATABASES.lock().await;
        if let Some(database) = databases.get(&template).and_then(Weak::upgrade) {
            return database;
        }
        let database = Arc::new(self.copy(&template).await);
        databases.insert(template, Arc::downgrade(&database));
        database
    }
}

/// A tenant of one test.
#[derive(Debug)]
pub struct TestTenant {
    tenant: Tenant,
    db: TenantConnection,
}

impl TestTenant {
    /// Returns the tenant.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Returns a connection in the tenant's schema.
    #[must_use]
    pub fn db(&self) -> &TenantConnection {
        &self.db
    }

    /// Returns the tenant's domain.
    ///
    /// # Panics
    /// If the tenant was created without one.
    #[must_use]
    pub fn host(&self) -> &str {
        self.tenant.domain().expect("a domain")
    }

    /// Begins a request to the tenant's host: GET, with the path (and query) and the header `Host`. An application of axum
    /// takes it with a body; one of actix takes [`host`](Self::host) as the header of its own `TestRequest`.
    ///
    /// # Example
    /// ```no_run
    /// # fn example(acme: &tenant_migration::test_util::TestTenant) {
    /// let request = acme.request("/notes").method("POST").body("title=Milk").unwrap();
    /// assert_eq!(request.headers()["host"], acme.host());
    /// # }
    /// ```
    pub fn request(&self, path: &str) -> http::request::Builder {
        http::Request::builder()
            .uri(path)
            .header(http::header::HOST, self.host())
    }
}

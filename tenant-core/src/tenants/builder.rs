//! [`TenantsBuilder`]: configures and builds the application's handle.

use std::{any::Any, error::Error, future::Future, sync::Arc, time::Duration};

#[cfg(feature = "sqlx-postgres")]
use log::LevelFilter;
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, Statement};

#[cfg(feature = "sqlx-postgres")]
use super::listener::Listener;
use super::{
    data_loader::DataLoader,
    extension_members,
    handle::{Parts, Tenants},
    host_cache::HostCache,
    lookup::Lookup,
    schema_versions::{SchemaVersions, SkewPolicy, VersionCheck},
};
#[cfg(feature = "metrics")]
use crate::metrics::{MeasuredTenants, RequestMetrics};
#[cfg(feature = "sqlx-postgres")]
use crate::pool::{PoolSettings, check_pooler, shared_connection};
use crate::{
    catalog::{CatalogError, SeaOrmStore, TenantStore, find_tenant_schema},
    connection::{StatementGuard, TenantRoleNames},
    error::ConnectError,
    pool::Pool,
    registry::{RegistryError, Scope},
    schema_name::{SHARED_SCHEMA, SchemaName},
    sql::{Compiler, Rules},
    tenant::{Origin, Tenant, UrlScheme},
};

impl Tenants {
    /// Connects to the database with the default configuration, and uses the catalog in it.
    ///
    /// # Errors
    /// [`ConnectError`] if the database is not reached, or an annotated entity cannot work.
    pub async fn connect(options: impl Into<ConnectOptions>) -> Result<Self, ConnectError> {
        Self::builder().connect(options).await
    }

    /// Returns a builder, to change the configuration.
    pub fn builder() -> TenantsBuilder {
        TenantsBuilder::default()
    }
}

/// Default time for which a host is cached: 30 s. A change that another process makes to the catalog is seen after that
/// time, and within a second where the listener is connected.
pub const DEFAULT_HOST_CACHE_TTL: Duration = Duration::from_secs(30);

/// Default time for which a cached tenant is served after its time to live, while the catalog cannot be read: 60 s.
pub const DEFAULT_STALE_IF_ERROR: Duration = Duration::from_secs(60);

/// Configures and builds [`Tenants`].
///
/// # Example
/// ```no_run
/// # async fn example() -> Result<(), tenant_core::ConnectError> {
/// use std::time::Duration;
/// use tenant_core::{Scope, Tenants};
///
/// let tenants = Tenants::builder()
///     .table(Scope::Tenant, "note_search") // a view without an entity
///     .allow_schema("reference")           // tables of no tenant, outside `public`
///     .allow_extension("pg_trgm")          // functions, types and operators of an extension
///     .function(Scope::Shared, "slug")     // a function of your own, in `public`
///     .host_cache_ttl(Duration::from_secs(5))
///     .connect("postgres://localhost/app")
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until it connects"]
pub struct TenantsBuilder {
    tables: Vec<(Scope, String)>,
    schemas: Vec<String>,
    types: Vec<(Scope, String)>,
    functions: Vec<(Scope, String)>,
    extensions: Vec<String>,
    extension_schemas: Vec<SchemaName>,
    host_cache_ttl: Option<Duration>,
    store: Option<Arc<dyn TenantStore>>,
    statement_cache_capacity: Option<usize>,
    prepared_by_pooler: Option<usize>,
    runs_as_tenant_roles: bool,
    version_check: Option<VersionCheck>,
    origin: Origin,
    listener: ListenerChoice,
    stale_if_error: Option<Duration>,
    data_loader: Option<DataLoader>,
    #[cfg(feature = "metrics")]
    measured: MeasuredTenants,
}

/// The connection that listens for changes to the catalog.
#[derive(Debug, Default)]
enum ListenerChoice {
    /// One to the same database, unless a pooler is in front of it or the application brought its own connection.
    #[default]
    Default,
    Off,
    To(String),
}

impl TenantsBuilder {
    /// Gives a scope to a table or view that has no entity.
    pub fn table(mut self, scope: Scope, name: impl Into<String>) -> Self {
        self.tables.push((scope, name.into()));
        self
    }

    /// Lets statements name a schema that belongs to no tenant. **A tenant's schema that is named here is open to all
    /// tenants**; `connect` refuses it.
    pub fn allow_schema(mut self, schema: impl Into<String>) -> Self {
        self.schemas.push(schema.into());
        self
    }

    /// Gives a scope to a type that has no annotated enum: a domain, a composite type, or the enum of another crate.
    pub fn ty(mut self, scope: Scope, name: impl Into<String>) -> Self {
        self.types.push((scope, name.into()));
        self
    }

    /// Gives a scope to a function of the application's own, so that statements may call it without a schema.
    ///
    /// The application vouches that the function keeps to the tables of its tenant, runs no SQL that it gets as text,
    /// and does not change the session by `SET`, session locks or temporary tables. It hides a function of PostgreSQL
    /// of the same name.
    pub fn function(mut self, scope: Scope, name: impl Into<String>) -> Self {
        self.functions.push((scope, name.into()));
        self
    }

    /// Lets statements use the functions, types and operators of an extension, such as `pg_trgm`. They are read from
    /// the server on connecting.
    ///
    /// Functions that run SQL, find things by a text, or change the session stay refused, such as `crosstab` and
    /// `dblink`. Operators are found on the session's `search_path`: put the extension into `public`, or name its schema
    /// with [`extension_schemas`](Self::extension_schemas).
    pub fn allow_extension(mut self, name: impl Into<String>) -> Self {
        self.extensions.push(name.into());
        self
    }

    /// Adds schemas of extensions to the `search_path` of all sessions that the library opens, and of
    /// [`begin_unguarded`](crate::TenantConnection::begin_unguarded). Default: none.
    ///
    /// PostgreSQL finds the operators of an extension, such as those of `citext`, on this path alone. Without it, it may
    /// take another operator and no error comes, so connecting logs a warning then. Name the schemas that the migrations
    /// have in `Migrations::with_extension_schemas`; a schema of a tenant is refused on connecting.
    ///
    /// The path of a session is otherwise that of the server, the role or the URL, without `"$user"`, which could be a
    /// tenant. A path of `set_schema_search_path` or of a hook of the application is left as it is. With a pooler, set
    /// it for the role: `ALTER ROLE app SET search_path = public, extensions`.
    ///
    /// # Example
    /// ```
    /// # use tenant_core::{SchemaName, Tenants};
    /// let builder = Tenants::builder().extension_schemas([SchemaName::new("extensions")?]);
    /// # Ok::<(), tenant_core::SchemaNameError>(())
    /// ```
    pub fn extension_schemas(mut self, schemas: impl IntoIterator<Item = SchemaName>) -> Self {
        self.extension_schemas.extend(schemas);
        self
    }

    /// Sets the time for which the tenant of a host or of another key is cached. Default: [`DEFAULT_HOST_CACHE_TTL`],
    /// 30 s. Zero reads the catalog for each request.
    ///
    /// - The time is shortened by up to a tenth at random, so that hosts are not looked up all at once.
    /// - A host that no tenant has is cached as such for 5 s at most.
    /// - If the catalog cannot be read, a cached tenant is served for a while: see [`stale_if_error`](Self::stale_if_error).
    /// - Changes that other processes make to the catalog are heard of within a second, by a connection that listens for
    ///   them: see [`listen_url`](Self::listen_url). This time is the guarantee for when that connection is lost.
    pub fn host_cache_ttl(mut self, time: Duration) -> Self {
        self.host_cache_ttl = Some(time);
        self
    }

    /// Sets the migrations that this program expects in the schemas of tenants, and the answer to requests of a tenant
    /// that lacks some of them. Default: no migrations are expected.
    ///
    /// A schema that is ahead is served: while a release is rolled out, programs of the last release work on schemas
    /// that were migrated for the new one. So a migration must keep what the last release needs (*expand*), and a later
    /// one removes it (*contract*).
    ///
    /// The version of a tenant may be as old as [`host_cache_ttl`](Self::host_cache_ttl), so a warning, or the refusal
    /// of a tenant whose migrations were reverted, may come that late. A refused tenant is not cached: it is served as
    /// soon as it is migrated, and until then each of its requests reads the catalog.
    pub fn expect_versions(mut self, versions: SchemaVersions, policy: SkewPolicy) -> Self {
        self.version_check = Some(VersionCheck::new(versions, policy));
        self
    }

    /// Chooses the tenants that have series of their own in the metrics of requests. Default: the first 100 that this
    /// process answers requests of. All others share the label `other`.
    #[cfg(feature = "metrics")]
    pub fn measured_tenants(mut self, tenants: MeasuredTenants) -> Self {
        self.measured = tenants;
        self
    }

    /// Looks tenants up in another store than the catalog's tables.
    pub fn store(mut self, store: impl TenantStore + 'static) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Sets the loader of the application's own data of a tenant, such as its plan, the end of its trial or its settings.
    /// Default: none. A second call replaces the first: for several things, return a struct.
    ///
    /// The value is cached with the tenant, and is at hand as [`Tenant::data`] and as the extractor `web::TenantData` of axum
    /// and actix-web. Its type is checked when it is asked for: another one is a
    /// [`TenantDataError`](crate::TenantDataError) that names both, and the extractor answers 500.
    ///
    /// The loader gets [`Tenants::shared_connection`], on which `#[tenant]` entities do not work: read what the shared schema
    /// has. Metadata of the catalog needs no loader: see [`Tenant::metadata_as`].
    ///
    /// # Which tenants have it
    /// | tenant | data |
    /// |---|---|
    /// | of a request, by any resolver; the public tenant, too | loaded in the look-up of the tenant, once for all requests that wait for it |
    /// | of [`Tenants::find`], [`Tenants::by_host`] | the same, if the tenant is served: active, and not refused for its version |
    /// | of [`Tenants::resolve`], and of `tenant_migration::for_each_tenant` | loaded each time |
    /// | of [`Tenants::by_id`], [`Tenants::by_schema`], [`Tenants::list`] | none: [`Tenants::load_data`] loads it |
    ///
    /// # When it changes
    /// A change of the application's own tables is seen after [`host_cache_ttl`](Self::host_cache_ttl), 30 s by default. To see
    /// it at once, call [`Tenants::forget_tenant`] in this process. In all processes that listen, it is seen within a second
    /// after the id of the tenant was sent, by a trigger or in the transaction of the change:
    /// `SELECT pg_notify('tenant_catalog', '7')`. A change of the tenant in the catalog loads its data anew as well.
    ///
    /// # Errors
    /// If the loader fails or takes more than 5 s, a request is answered 503, and the error, which names the tenant, is
    /// logged ([`CatalogError::Data`]). It is never cached. If the same tenant is cached for the host, it is served with its
    /// old data for [`stale_if_error`](Self::stale_if_error), 60 s by default.
    ///
    /// # Example
    /// ```
    /// # mod plan {
    /// #     use sea_orm::entity::prelude::*;
    /// #     #[tenant_core::shared]
    /// #     #[sea_orm::model]
    /// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    /// #     #[sea_orm(table_name = "plan")]
    /// #     pub struct Model {
    /// #         #[sea_orm(primary_key, auto_increment = false)]
    /// #         pub tenant_id: i64,
    /// #         pub seats: i32,
    /// #     }
    /// #     impl ActiveModelBehavior for ActiveModel {}
    /// # }
    /// use sea_orm::{DbErr, EntityTrait};
    /// use tenant_core::Tenants;
    ///
    /// // `plan` is a shared entity, with the tenant's id as its key.
    /// let builder = Tenants::builder().with_data(|tenant, db| async move {
    ///     let plan = plan::Entity::find_by_id(tenant.id().0).one(&db).await?;
    ///     plan.ok_or_else(|| DbErr::RecordNotFound("the plan".to_owned()))
    /// });
    /// ```
    pub fn with_data<T, E, F, W>(mut self, load: F) -> Self
    where
        F: Fn(Tenant, DatabaseConnection) -> W + Send + Sync + 'static,
        W: Future<Output = Result<T, E>> + Send + 'static,
        T: Any + Send + Sync,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.data_loader = Some(DataLoader::new(load));
        self
    }

    /// Sets the number of prepared statements that each connection keeps. Default: that of the URL
    /// (`statement-cache-capacity`), or 2048.
    ///
    /// PostgreSQL needs about 20 KB for each. A tenant's statements are prepared on one or two connections.
    pub fn statement_cache_capacity(mut self, statements: usize) -> Self {
        self.statement_cache_capacity = Some(statements);
        self
    }

    /// Declares a pooler in front of the server, such as PgBouncer in transaction mode, and the number of prepared
    /// statements that it keeps for each connection (`max_prepared_statements`; 200 by default from PgBouncer 1.24). No
    /// connection of tenants keeps more.
    ///
    /// The pooler must support prepared statements, as PgBouncer does from version 1.21, and ignore a setting that the
    /// driver sends: `ignore_startup_parameters = extra_float_digits`. Connecting checks both.
    ///
    /// Without this call, connecting refuses a pooler in transaction mode. Several poolers behind one name may pass
    /// unnoticed.
    ///
    /// Statements are slower behind a pooler, because a tenant does not come back to the same server connection.
    /// [`begin_unguarded`](crate::TenantConnection::begin_unguarded) is refused, because the pooler gives the session
    /// to other clients. Migrations and exports need a direct URL of PostgreSQL.
    pub fn behind_pooler(mut self, max_prepared_statements: usize) -> Self {
        self.prepared_by_pooler = Some(max_prepared_statements);
        self
    }

    /// Runs every statement of a tenant as a PostgreSQL role that has no rights in the schemas of other tenants.
    /// Default: off.
    ///
    /// PostgreSQL refuses a statement that names another tenant's schema in spite of the check, as it may in
    /// [`begin_unguarded`](crate::TenantConnection::begin_unguarded), with the SQLSTATE 42501. This catches bugs and is
    /// no sandbox: an unchecked `RESET ROLE` leaves the role.
    ///
    /// The roles are made by `tenant_migration`, once its `Migrations` have `with_tenant_roles`. They do not own the
    /// tables, so CREATE, ALTER and DROP are for migrations then. The connection of the public tenant runs
    /// as the role for the shared schema.
    ///
    /// # What it costs
    /// A single statement gets a transaction of its own: three round trips instead of one. A transaction takes no more
    /// round trips than without, for `SET LOCAL ROLE` travels with BEGIN. `cargo bench -p tests --bench roles` measures
    /// it.
    pub fn run_as_tenant_roles(mut self) -> Self {
        self.runs_as_tenant_roles = true;
        self
    }

    /// Sets the time for which a cached tenant is served after its time to live, while the catalog cannot be read, or does
    /// not answer within a second. After it, the answer is 503. Default: [`DEFAULT_STALE_IF_ERROR`], 60 s.
    ///
    /// In that time, this process does not see that a tenant was suspended or a domain moved. With zero, an outage of the
    /// catalog is seen after [`host_cache_ttl`](Self::host_cache_ttl) at once.
    pub fn stale_if_error(mut self, time: Duration) -> Self {
        self.stale_if_error = Some(time);
        self
    }

    /// Sets scheme and port of [`Tenant::url`](crate::Tenant::url). Default: `https`, and no port, which stands for 443.
    pub fn url_origin(mut self, scheme: UrlScheme, port: Option<u16>) -> Self {
        self.origin = Origin { scheme, port };
        self
    }

    /// Sets the URL of PostgreSQL for the connection that listens for changes to the catalog. Default: that of
    /// [`connect`](Self::connect), and no such connection behind a pooler or with
    /// [`from_connection`](Self::from_connection).
    ///
    /// The connection must not go through a pooler in transaction mode, which loses LISTEN. If it cannot be opened, it is
    /// tried again in the background; [`Tenants::cache_status`] says if it is there.
    ///
    /// A new version of a schema is no such change: a run of migrations records one for each tenant. It is seen after
    /// [`host_cache_ttl`](Self::host_cache_ttl); a tenant that is refused for its version is not cached, so it is served at
    /// once.
    pub fn listen_url(mut self, url: impl Into<String>) -> Self {
        self.listener = ListenerChoice::To(url.into());
        self
    }

    /// Opens no connection that listens for changes to the catalog. Other processes' changes are seen after
    /// [`host_cache_ttl`](Self::host_cache_ttl).
    pub fn without_listener(mut self) -> Self {
        self.listener = ListenerChoice::Off;
        self
    }

    /// Connects to the database.
    ///
    /// # Connections
    /// The library holds the connections of tenants itself, up to `max_connections` of [`ConnectOptions`]. A tenant has
    /// two home connections, where its statements stay prepared, and takes another one if both are busy for too long.
    ///
    /// [`ConnectOptions`] apply to them, with these differences:
    /// - `acquire_timeout` is 5 s by default.
    /// - A connection is pinged before use after 5 s without use, or after `test_before_acquire_if_idle_for`.
    /// - A connection is closed after 10 min without use (`idle_timeout`) and after 30 min of life (`max_lifetime`), as in
    ///   sqlx.
    /// - [`statement_cache_capacity`](Self::statement_cache_capacity) is larger than sqlx's.
    /// - sqlx's pool opens connections and does not keep them. So its hooks `before_acquire` and `after_release` are not
    ///   called; `after_connect` is.
    ///
    /// A session that ran statements of [`begin_unguarded`](crate::TenantConnection::begin_unguarded) is closed after
    /// use. Functions of the database that statements may call are trusted to leave the session as they found it.
    ///
    /// Connecting opens more connections for a moment, to find a pooler (see [`behind_pooler`](Self::behind_pooler)) and
    /// to read the `search_path`. One more connection listens for changes to the catalog: see
    /// [`listen_url`](Self::listen_url).
    ///
    /// # Log
    /// sqlx logs each statement, those of the library too, at DEBUG. SeaORM's own default is INFO: to have that, set it
    /// with `map_sqlx_postgres_opts(|options| options.log_statements(LevelFilter::Info))`. All other levels that
    /// [`ConnectOptions`] have apply.
    ///
    /// Connecting logs a warning if the catalog is missing, so that no request can be served, and if the operators of an
    /// extension are not on the `search_path`.
    ///
    /// # Errors
    /// [`ConnectError`] if the database is not reached, or the configuration or an annotated entity cannot
    /// work.
    pub async fn connect(self, options: impl Into<ConnectOptions>) -> Result<Tenants, ConnectError> {
        let has_catalog = self.store.is_none();
        let options = options.into();
        let is_direct = self.prepared_by_pooler.is_none();
        let listen_to = match &self.listener {
            ListenerChoice::Default => is_direct.then(|| options.clone()),
            ListenerChoice::Off => None,
            ListenerChoice::To(url) => Some(ConnectOptions::new(url)),
        };
        let (db, pool) = connect(options, &self).await?;
        let tenants = self.build(db, pool, listen_to).await?;
        refuse_tenant_schemas(&tenants).await?;
        refuse_tenants_on_path(tenants.shared_connection()).await?;
        warn_of_unreached_operators(tenants.shared_connection()).await?;
        if has_catalog {
            warn_without_catalog(&tenants).await;
        }
        Ok(tenants)
    }

    /// Uses an open connection of the application, without a pool of the library's own. Sessions are not reset between
    /// users, not even after unguarded statements.
    ///
    /// Nothing is checked on the server. It must have `standard_conforming_strings` on, which is the default. A pooler
    /// in transaction mode must support prepared statements, or the driver may run the statement of another client.
    ///
    /// The only query reads the extensions that are allowed.
    ///
    /// # Errors
    /// [`ConnectError`] if the configuration or an annotated entity cannot work, or an extension does not exist.
    pub async fn from_connection(self, db: DatabaseConnection) -> Result<Tenants, ConnectError> {
        let listen_to = match &self.listener {
            ListenerChoice::To(url) => Some(ConnectOptions::new(url)),
            ListenerChoice::Default | ListenerChoice::Off => None,
        };
        self.build(db, None, listen_to).await
    }

    async fn build(
        self,
        db: DatabaseConnection,
        pool: Option<Pool>,
        listen_to: Option<ConnectOptions>,
    ) -> Result<Tenants, ConnectError> {
        let mut rules = self.rules()?;
        extension_members::read(&db, &self.extensions, rules.extensions_mut()).await?;
        let compiler = Compiler::new(rules);
        let store = self
            .store
            .unwrap_or_else(|| Arc::new(SeaOrmStore::new(db.clone())));
        let cache = HostCache::new(
            self.host_cache_ttl.unwrap_or(DEFAULT_HOST_CACHE_TTL),
            self.stale_if_error.unwrap_or(DEFAULT_STALE_IF_ERROR),
        );
        let lookup = Lookup::new(store, self.version_check, self.origin, cache);
        let lookup = lookup.with_data_loader(self.data_loader, &db);
        let lookup = Arc::new(lookup);
        #[cfg(feature = "sqlx-postgres")]
        let listener = listen(listen_to, &lookup).await?;
        #[cfg(not(feature = "sqlx-postgres"))]
        drop(listen_to);
        Ok(Tenants::new(Parts {
            db,
            pool,
            lookup,
            compiler,
            roles: self.runs_as_tenant_roles.then(TenantRoleNames::default),
            extension_schemas: self.extension_schemas.into(),
            #[cfg(feature = "metrics")]
            request_metrics: RequestMetrics::new(self.measured),
            #[cfg(feature = "sqlx-postgres")]
            listener,
        }))
    }

    /// Builds only the check of statements, for transactions that are open already, such as those of migrations.
    ///
    /// # Errors
    /// [`ConnectError`] if the configuration or an annotated entity cannot work, or if extensions are allowed: their
    /// members can only be read from a server.
    pub fn guard(self) -> Result<StatementGuard, ConnectError> {
        if let Some(name) = self.extensions.first() {
            return Err(ConnectError::ExtensionUnread { name: name.clone() });
        }
        self.rules().map(Compiler::new).map(StatementGuard::new)
    }

    fn rules(&self) -> Result<Rules, ConnectError> {
        let mut rules = Rules::collect()?;
        self.register(&mut rules)?;
        for schema in &self.schemas {
            rules.allow_schema(&SchemaName::new(schema)?);
        }
        Ok(rules)
    }

    fn register(&self, rules: &mut Rules) -> Result<(), RegistryError> {
        let registry = rules.registry_mut();
        for (scope, name) in &self.tables {
            registry.add_table(*scope, name)?;
        }
        for (scope, name) in &self.types {
            registry.add_type(*scope, name)?;
        }
        for (scope, name) in &self.functions {
            registry.add_function(*scope, name)?;
        }
        Ok(())
    }
}

/// Lets statements be logged at DEBUG in the place of SeaORM's default, INFO.
#[cfg(feature = "sqlx-postgres")]
fn log_at_debug(options: &mut ConnectOptions) {
    if options.get_sqlx_logging_level() == LevelFilter::Info {
        options.sqlx_logging_level(LevelFilter::Debug);
    }
}

/// Returns the plain connection for the shared schema, and the pool of the tenants' connections.
#[cfg(feature = "sqlx-postgres")]
async fn connect(
    mut options: ConnectOptions,
    builder: &TenantsBuilder,
) -> Result<(DatabaseConnection, Option<Pool>), ConnectError> {
    let extension_schemas = &builder.extension_schemas;
    log_at_debug(&mut options);
    let (statements, by_pooler) = (builder.statement_cache_capacity, builder.prepared_by_pooler);
    let Some(mut settings) = PoolSettings::read(&options, statements, by_pooler).await? else {
        return Ok((sea_orm::Database::connect(options).await?, None));
    };
    check_pooler(&settings).await?;
    settings.set_search_path(extension_schemas).await?;
    let db = shared_connection(options, &settings).await?;
    require_standard_strings(&db).await?;
    Ok((db, Some(Pool::connect(settings).await?)))
}

#[cfg(not(feature = "sqlx-postgres"))]
async fn connect(
    options: ConnectOptions,
    _: &TenantsBuilder,
) -> Result<(DatabaseConnection, Option<Pool>), ConnectError> {
    Ok((sea_orm::Database::connect(options).await?, None))
}

/// Starts to listen for changes to the catalog. Without a cache, there is nothing to drop from it.
#[cfg(feature = "sqlx-postgres")]
async fn listen(
    options: Option<ConnectOptions>,
    lookup: &Arc<Lookup>,
) -> Result<Option<Listener>, ConnectError> {
    let Some(mut options) = options.filter(|_| lookup.is_cached()) else {
        return Ok(None);
    };
    log_at_debug(&mut options);
    let settings = PoolSettings::read(&options, None, None).await?;
    Ok(settings.and_then(|settings| Listener::start(settings, Arc::downgrade(lookup))))
}

/// Refuses an allowed schema that belongs to a tenant, because all tenants may name it.
async fn refuse_tenant_schemas(tenants: &Tenants) -> Result<(), ConnectError> {
    let rules = tenants.rules();
    let extension_schemas = tenants.extension_schemas().iter().map(SchemaName::as_str);
    let allowed = rules.schemas().chain(rules.extensions().schemas());
    let allowed = allowed.chain(extension_schemas);
    let allowed = allowed.filter(|schema| *schema != SHARED_SCHEMA);
    match find_tenant_schema(tenants.shared_connection(), allowed).await? {
        Some(schema) => Err(ConnectError::AllowedTenantSchema { schema }),
        None => Ok(()),
    }
}

/// Refuses a tenant's schema on the session's `search_path`, along which PostgreSQL looks for functions: it would be there
/// for all tenants.
async fn refuse_tenants_on_path(db: &DatabaseConnection) -> Result<(), ConnectError> {
    // Rows, because arrays need the driver's feature.
    let sql = "SELECT pg_catalog.unnest(pg_catalog.current_schemas(false))::text";
    let rows = db
        .query_all_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await?;
    let path = rows.iter().map(|row| row.try_get_by_index::<String>(0));
    let path = path.collect::<Result<Vec<_>, _>>()?;
    let path = path
        .iter()
        .map(String::as_str)
        .filter(|schema| *schema != SHARED_SCHEMA);
    match find_tenant_schema(db, path).await? {
        Some(schema) => Err(ConnectError::TenantSchemaOnPath { schema }),
        None => Ok(()),
    }
}

/// Warns of extensions whose operators no statement finds. PostgreSQL may take others without an error: `citext` is
/// compared like `text` then.
async fn warn_of_unreached_operators(db: &DatabaseConnection) -> Result<(), ConnectError> {
    let sql = "SELECT DISTINCT e.extname::text AS extension, n.nspname::text AS schema
        FROM pg_catalog.pg_extension e
        JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
            AND d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass
        JOIN pg_catalog.pg_operator o ON o.oid = d.objid
        JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
        WHERE n.nspname <> ALL (pg_catalog.current_schemas(true)) ORDER BY 1, 2";
    let rows = db
        .query_all_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await?;
    for row in rows {
        let (extension, schema): (String, String) =
            (row.try_get("", "extension")?, row.try_get("", "schema")?);
        let advice = match find_tenant_schema(db, [schema.as_str()].into_iter()).await? {
            Some(_) => "it is the schema of a tenant: move the extension (`ALTER EXTENSION ... SET SCHEMA`)",
            None => "name it with `TenantsBuilder::extension_schemas`, and see that the user has USAGE of it",
        };
        tracing::warn!(
            extension,
            schema,
            "the operators of an extension are not on the search_path, so that PostgreSQL may take others without an \
             error: {advice}"
        );
    }
    Ok(())
}

/// Warns that no request can be served. It is no error, because the application may migrate the database itself, or be
/// started beside its migrations.
async fn warn_without_catalog(tenants: &Tenants) {
    if let Err(error @ CatalogError::NoCatalog) = tenants.by_schema(&SchemaName::shared()).await {
        tracing::warn!("no request can be served: {error}");
    }
}

/// Refuses a server whose literals differ from those that the check reads.
#[cfg(feature = "sqlx-postgres")]
async fn require_standard_strings(db: &DatabaseConnection) -> Result<(), ConnectError> {
    let statement = Statement::from_string(DbBackend::Postgres, "SHOW standard_conforming_strings");
    let answer = db.query_one_raw(statement).await?;
    let setting = answer.map(|row| row.try_get_by_index::<String>(0)).transpose()?;
    if setting.as_deref() == Some("off") {
        return Err(ConnectError::NonStandardStrings);
    }
    Ok(())
}

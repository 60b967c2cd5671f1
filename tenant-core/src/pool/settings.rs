//! [`PoolSettings`]: the settings in the application's `ConnectOptions`, as SeaORM and sqlx read them.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseConnectionType, DbErr, RuntimeErr,
    sqlx::{
        ConnectOptions as _, Connection as _, PgConnection, PgPool, Postgres, pool::PoolOptions,
        postgres::PgConnectOptions,
    },
};

use super::{
    driver_error::{is_timeout, not_opened},
    statement_cache::StatementCachePolicy,
};
use crate::error::ConnectError;

/// Default of the longest wait for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Default of the idle time after which a connection is pinged before use.
const PING_AFTER_IDLE: Duration = Duration::from_secs(5);

/// Default of the prepared statements kept on each connection. With 1,000 tenants, 8 connections and the ten statements of
/// `scripts/bench queries` in turn, 1,536 statements reach 0.80 of plain SeaORM's throughput and take 278 MB of the
/// server's memory; 2,048 reach 0.97 with 337 MB.
const STATEMENTS_KEPT: usize = 2048;

/// The default of sqlx, which stands for "not set".
const STATEMENTS_KEPT_BY_SQLX: usize = 100;

/// The default of sqlx, which stands for "not set".
const ACQUIRE_TIMEOUT_OF_SQLX: Duration = Duration::from_secs(30);

/// Longest wait for the reason for which the database is not reached.
const TIME_FOR_REASON: Duration = Duration::from_secs(1);

/// Connections for the shared schema, besides those of the tenants.
const SHARED_CONNECTIONS: u32 = 4;

/// Settings of the pool.
#[derive(Debug, Clone)]
pub(crate) struct PoolSettings {
    pub(super) connect: PgConnectOptions,
    pool: PoolOptions<Postgres>,
    pub(super) connect_timeout: Duration,
    pub(super) is_lazy: bool,
    pub(super) max_connections: usize,
    pub(super) min_connections: usize,
    pub(super) acquire_timeout: Duration,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) max_lifetime: Option<Duration>,
    /// `None` for no pings.
    pub(super) ping_after_idle: Option<Duration>,
    pub(super) statements_kept: usize,
    /// Prepared statements that a pooler in front of the server keeps for each connection, if there is one.
    pub(super) prepared_by_pooler: Option<usize>,
    #[cfg(feature = "tracing-spans")]
    pub(super) records_statements: bool,
}

impl PoolSettings {
    /// Reads the settings in SeaORM's options. `None` if they are not for PostgreSQL. Does not connect.
    ///
    /// SeaORM's options have functions of the application that cannot be read, so this builds a pool and reads its
    /// options.
    ///
    /// # Errors
    /// [`ConnectError`] if the URL cannot be read.
    pub(crate) async fn read(
        options: &ConnectOptions,
        statements_kept: Option<usize>,
        prepared_by_pooler: Option<usize>,
    ) -> Result<Option<Self>, ConnectError> {
        let mut probe = options.clone();
        probe
            .connect_lazy(true)
            .after_connect(|_| Box::pin(async { Ok(()) }));
        let db = Database::connect(probe).await.map_err(|error| match error {
            // SeaORM's text has the URL in it, with its password.
            DbErr::Conn(RuntimeErr::Internal(_)) => ConnectError::Url,
            error => error.into(),
        })?;
        let DatabaseConnectionType::SqlxPostgresPoolConnection(_) = &db.inner else {
            return Ok(None);
        };
        let pool = db.get_postgres_connection_pool();
        let settings = Self::new(options, pool, statements_kept, prepared_by_pooler);
        db.close_by_ref().await?;
        Ok(Some(settings))
    }

    fn new(
        options: &ConnectOptions,
        probe: &PgPool,
        statements_kept: Option<usize>,
        prepared_by_pooler: Option<usize>,
    ) -> Self {
        let pool = probe.options().clone();
        let connect = PgConnectOptions::clone(&probe.connect_options());
        let acquire_timeout = acquire_timeout(options, &pool);
        let statements_kept = statements_kept
            .unwrap_or_else(|| statements_kept_by(&connect))
            .min(prepared_by_pooler.unwrap_or(usize::MAX));
        Self {
            connect: connect.statement_cache_capacity(statements_kept),
            connect_timeout: options.get_connect_timeout().unwrap_or(acquire_timeout),
            is_lazy: options.get_connect_lazy(),
            max_connections: pool.get_max_connections().max(1) as usize,
            min_connections: pool.get_min_connections() as usize,
            acquire_timeout,
            idle_timeout: pool.get_idle_timeout(),
            max_lifetime: pool.get_max_lifetime(),
            ping_after_idle: ping_after_idle(options),
            statements_kept,
            prepared_by_pooler,
            #[cfg(feature = "tracing-spans")]
            records_statements: options.get_record_stmt_in_spans(),
            pool,
        }
    }

    /// Returns host and port, or the path of the socket, for errors.
    pub(super) fn address(&self) -> String {
        match self.connect.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", self.connect.get_host(), self.connect.get_port()),
        }
    }

    /// Returns the error of a database that was not reached, with the reason.
    pub(super) async fn unreachable(&self, error: DbErr) -> ConnectError {
        let reason = match is_timeout(&error) {
            true => self.reason().await,
            false => None,
        };
        ConnectError::Unreachable {
            address: self.address(),
            source: reason.unwrap_or(error),
        }
    }

    /// Opens a connection without sqlx's pool, which does not report why it failed.
    async fn reason(&self) -> Option<DbErr> {
        let opened = PgConnection::connect_with(&self.connect);
        let opened = tokio::time::timeout(TIME_FOR_REASON, opened).await.ok()?;
        opened.err().map(not_opened)
    }

    /// Returns the pool of sqlx that opens connections, with the hooks of the application.
    pub(super) fn connector(&self) -> PgPool {
        let slots = u32::try_from(self.max_connections).unwrap_or(u32::MAX);
        self.pool
            .clone()
            .max_connections(slots)
            .min_connections(0)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(self.connect_timeout)
            .connect_lazy_with(self.connect.clone())
    }

    /// Returns the pool of sqlx for the one connection of a listener.
    pub(crate) fn listener(&self) -> PgPool {
        self.connector()
    }

    /// Returns the policy of a new connection for its statement cache.
    pub(super) fn statement_cache_policy(&self) -> StatementCachePolicy {
        match self.prepared_by_pooler {
            None => StatementCachePolicy::new(self.statements_kept),
            Some(_) => StatementCachePolicy::all(),
        }
    }
}

/// Returns the plain connection for the shared schema. It opens few connections, and none before it is used.
///
/// # Errors
/// [`DbErr`] if the application's `after_connect` fails.
pub(crate) async fn shared_connection(
    mut options: ConnectOptions,
    settings: &PoolSettings,
) -> Result<DatabaseConnection, DbErr> {
    let pool = settings
        .pool
        .clone()
        .max_connections(settings.pool.get_max_connections().min(SHARED_CONNECTIONS))
        .min_connections(0)
        .acquire_timeout(settings.acquire_timeout);
    let connect = settings.connect.clone();
    options
        .connect_lazy(true)
        .map_sqlx_postgres_opts(move |_| connect.clone())
        .map_sqlx_postgres_pool_opts(move |_| pool.clone());
    Database::connect(options).await
}

/// Returns the `acquire_timeout` of the pool, which `map_sqlx_postgres_pool_opts` may have changed, or our default.
fn acquire_timeout(options: &ConnectOptions, pool: &PoolOptions<Postgres>) -> Duration {
    let in_pool = pool.get_acquire_timeout();
    if in_pool == ACQUIRE_TIMEOUT_OF_SQLX && options.get_acquire_timeout().is_none() {
        ACQUIRE_TIMEOUT
    } else {
        in_pool
    }
}

fn ping_after_idle(options: &ConnectOptions) -> Option<Duration> {
    let by_default = options.get_test_before_acquire().then_some(PING_AFTER_IDLE);
    options.get_test_before_acquire_if_idle_for().or(by_default)
}

/// Returns the capacity in the options, if it was set. It can be read from their URL only.
fn statements_kept_by(connect: &PgConnectOptions) -> usize {
    let url = connect.to_url_lossy();
    let mut pairs = url.query_pairs();
    let set = pairs.find(|(key, _)| key == "statement-cache-capacity");
    let set = set.and_then(|(_, value)| value.parse().ok());
    set.filter(|set| *set != STATEMENTS_KEPT_BY_SQLX)
        .unwrap_or(STATEMENTS_KEPT)
}

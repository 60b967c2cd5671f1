//! [`TestDatabase`]: a database that lives as long as its test.

use std::{convert::Infallible, env, thread::JoinHandle};

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbErr};
use tenant_core::Tenants;
use tokio::sync::oneshot;

use super::leftovers;

/// A database that is dropped with this value, also after a panic, and even if clients are still connected.
///
/// # Example
/// ```no_run
/// use tenant_migration::test_util::TestDatabase;
///
/// # async fn example() {
/// let database = TestDatabase::create().await;
/// database.execute("CREATE SCHEMA acme; CREATE TABLE acme.note (title text)").await;
/// let tenants = database.tenants().await;
/// # }
/// ```
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    url: String,
    _keeper: Keeper,
}

impl TestDatabase {
    /// Creates an empty database on the server of `DATABASE_URL`.
    ///
    /// # Panics
    /// If `DATABASE_URL` is not set, names no reachable server, or its user may not create databases.
    pub async fn create() -> Self {
        leftovers::drop_leftovers_once().await;
        Self::create_on(server_url()).await
    }

    /// Creates an empty database on another server.
    ///
    /// # Panics
    /// If the server cannot be reached, or the user may not create databases.
    pub async fn create_on(server: String) -> Self {
        Self::create_with(server, "").await
    }

    /// Creates a database as a copy of another one, to which nobody is connected.
    pub(super) async fn copy(template: &str) -> Self {
        leftovers::drop_leftovers_once().await;
        Self::create_with(server_url(), &format!("TEMPLATE \"{template}\"")).await
    }

    async fn create_with(server: String, options: &str) -> Self {
        let name = format!("{PREFIX}{:012x}", fastrand::u64(..1 << 48));
        let url = with_database(&server, &name);
        let keeper = Keeper::start(server, &name, options).await;
        Self {
            name,
            url,
            _keeper: keeper,
        }
    }

    /// Returns the database's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the database's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Connects with [`options`](Self::options), without a tenant.
    ///
    /// # Panics
    /// If the server cannot be reached.
    pub async fn connect(&self) -> DatabaseConnection {
        Database::connect(self.options()).await.expect("connect")
    }

    /// Returns the options of a test's connection pool: at most 8 connections, no logging by sqlx.
    #[must_use]
    pub fn options(&self) -> ConnectOptions {
        let mut options = ConnectOptions::new(&self.url);
        options.max_connections(8).sqlx_logging(false);
        options
    }

    /// Connects [`Tenants`] with [`options`](Self::options).
    ///
    /// # Panics
    /// If the server cannot be reached.
    pub async fn tenants(&self) -> Tenants {
        Tenants::connect(self.options()).await.expect("connect")
    }

    /// Executes SQL unchanged, on a new connection.
    ///
    /// # Panics
    /// If a statement fails.
    pub async fn execute(&self, sql: &str) {
        execute(&self.url, sql).await;
    }

    /// Gives the database another name, and forgets it: it is not dropped with this value.
    pub(super) async fn keep_as(self, name: &str) -> Result<(), DbErr> {
        let sql = format!("ALTER DATABASE \"{}\" RENAME TO \"{name}\"", self.name);
        try_execute(&server_url(), &sql).await
    }
}

/// The thread that creates a database, and drops it at the end. A test may end in a panic, on any runtime, so this is a thread
/// with a runtime of its own.
///
/// Its connection to the server has the database's name, by which other processes see that the database is in use.
#[derive(Debug)]
struct Keeper {
    /// Dropping it ends the thread.
    end: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    async fn start(server: String, name: &str, options: &str) -> Self {
        let (end, ended) = oneshot::channel();
        let (created, is_created) = oneshot::channel();
        let (create, drop) = (
            format!("CREATE DATABASE \"{name}\" {options}"),
            drop_database(name),
        );
        let (roles, owner) = (drop_roles(name), name.to_owned());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let mut connection = single_connection(&server);
                connection.map_sqlx_postgres_opts(move |options| options.application_name(&owner));
                let db = Database::connect(connection).await.expect("connect");
                execute_on(&db, &create).await;
                let _ = created.send(());
                let _ = ended.await;
                for sql in [drop, roles] {
                    execute_on(&db, &sql).await;
                }
                db.close().await.expect("close");
            });
        });
        is_created.await.expect("the test's database");
        Self {
            end: Some(end),
            thread: Some(thread),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.end = None;
        let done = self.thread.take().map(JoinHandle::join);
        assert!(
            done.is_none_or(|done| done.is_ok()) || std::thread::panicking(),
            "the test's database was not dropped"
        );
    }
}

/// Prefix of the names of test databases. 12 hexadecimal digits follow.
pub(super) const PREFIX: &str = "tenant_test_";

/// Returns the URL of the server to test on.
///
/// # Panics
/// If it is not set.
pub(super) fn server_url() -> String {
    env::var("DATABASE_URL").expect(
        "the tests need a PostgreSQL server: set DATABASE_URL to one whose user may create databases, such as \
         postgres://postgres:secret@localhost/postgres",
    )
}

pub(super) fn drop_database(name: &str) -> String {
    format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)")
}

/// Returns SQL that drops the roles of a database's tenants. PostgreSQL keeps roles when a database is dropped; their
/// names contain the database's name. One statement drops all, since one role may have granted membership in another.
pub(super) fn drop_roles(database: &str) -> String {
    format!(
        "DO $$
         DECLARE roles text := (
             SELECT string_agg(quote_ident(rolname), ', ') FROM pg_roles
             WHERE '{database}' = ANY (string_to_array(rolname, '.'))
         );
         BEGIN
             IF roles IS NOT NULL THEN
                 EXECUTE 'DROP ROLE ' || roles;
             END IF;
         END $$"
    )
}

/// Executes SQL on a new connection.
///
/// # Panics
/// If it fails.
pub(super) async fn execute(url: &str, sql: &str) {
    let result = try_execute(url, sql).await;
    result.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn execute_on(db: &DatabaseConnection, sql: &str) {
    let result = db.execute_unprepared(sql).await;
    result.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn try_execute(url: &str, sql: &str) -> Result<(), DbErr> {
    let db = Database::connect(single_connection(url)).await?;
    let result = db.execute_unprepared(sql).await;
    db.close().await?;
    result.map(drop)
}

/// Returns the options of one connection that stays.
pub(super) fn single_connection(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .sqlx_logging(false);
    options
}

fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url
        .split_once('?')
        .map_or((url, None), |(base, query)| (base, Some(query)));
    let start = base.find("://").map_or(0, |at| at + 3);
    let end = base[start..].find('/').map_or(base.len(), |at| start + at);
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    format!("{}/{name}{query}", &base[..end])
}

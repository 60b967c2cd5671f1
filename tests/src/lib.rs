//! Utilities of the integration tests: a separate database for each test, and a proxy that injects faults.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

mod hosts;
mod median;
mod pooler;
mod processor;
mod programs;
mod proxy;
pub mod relay;
mod server;

use std::{
    env,
    sync::atomic::{AtomicU32, Ordering},
};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use tenant_core::{SchemaName, Tenant, TenantConnection, Tenants};

pub use hosts::Hosts;
pub use median::median;
pub use pooler::{PoolMode, Pooler};
pub use processor::{OWN_PROCESS, processor_time};
pub use programs::pg_programs;
pub use server::TestServer;

pub use proxy::{Counts, Direction, Fault, Faults, Firing, Proxy, Rule};

/// A database on the server of `DATABASE_URL`, dropped at the end of the test.
#[derive(Debug)]
pub struct TestDatabase {
    server: String,
    name: String,
    url: String,
}

impl TestDatabase {
    /// Creates an empty database.
    ///
    /// # Panics
    /// If `DATABASE_URL` is not set or names no reachable server.
    pub async fn create() -> Self {
        let server = env::var("DATABASE_URL")
            .expect("the integration tests need a PostgreSQL server: run `scripts/with-postgres cargo test`");
        Self::create_on(server).await
    }

    /// Creates an empty database on another server.
    ///
    /// # Panics
    /// If the server cannot be reached.
    pub async fn create_on(server: String) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tenant_test_{}_{count}", std::process::id());
        execute(&server, &format!("CREATE DATABASE \"{name}\"")).await;
        let url = with_database(&server, &name);
        Self { server, name, url }
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
    /// If one fails.
    pub async fn execute(&self, sql: &str) {
        execute(&self.url, sql).await;
    }
}

/// Drops the database, even if clients are still connected. A test may end in a panic, on any runtime. So the
/// statements run on a separate thread with a separate runtime.
impl Drop for TestDatabase {
    fn drop(&mut self) {
        let server = self.server.clone();
        let sql = format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", self.name);
        let roles = drop_roles(&self.name);
        let done = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                execute(&server, &sql).await;
                execute(&server, &roles).await;
            });
        })
        .join();
        assert!(
            done.is_ok() || std::thread::panicking(),
            "the test's database was not dropped"
        );
    }
}

/// Returns SQL that drops the roles of a database's tenants. PostgreSQL keeps roles when a database is dropped; their
/// names contain the database's name. One statement drops all, since one role may have granted membership in another.
fn drop_roles(database: &str) -> String {
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

async fn execute(url: &str, sql: &str) {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await.expect("connect");
    let result = db.execute_unprepared(sql).await;
    db.close().await.expect("close");
    result.unwrap_or_else(|error| panic!("{sql}: {error}"));
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

/// SeaORM's SQL for a select of an entity with a join. Benchmarks measure with it how long compiling takes.
pub const SELECT_WITH_JOIN: &str = r#"SELECT "note"."id", "note"."title", "plan"."name" AS "plan_name" FROM "$tenant"."note"
    LEFT JOIN "public"."plan" ON "note"."plan" = "plan"."code"
    WHERE "note"."title" LIKE $1 AND "note"."id" > $2 ORDER BY "note"."id" ASC LIMIT $3"#;

/// Returns the connection of a tenant from the catalog.
///
/// # Panics
/// If the catalog has no tenant with this schema.
pub async fn connection_of(tenants: &Tenants, schema: &str) -> TenantConnection {
    let schema = SchemaName::new(schema).expect("a schema name");
    let tenant: Option<Tenant> = tenants.by_schema(&schema).await.expect("the catalog");
    tenants.connection(&tenant.expect("a tenant"))
}

/// The README, so that its examples are compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

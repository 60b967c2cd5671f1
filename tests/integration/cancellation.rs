//! The state of the pool and of the data after a future was dropped or a connection was lost.

mod driver;
mod drops;
mod each_point;
mod lost;
mod waiting;

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseBackend, DatabaseConnection, Statement,
    TransactionTrait,
};
use tenant_core::{PoolStatus, SchemaName, Tenant, TenantConnection, TenantId, Tenants, TenantsBuilder};
use tests::{Proxy, TestDatabase};

use crate::entities::{make_roles, with_roles};

/// Timeout of everything that must happen. A successful test never reaches it.
const LONG: Duration = Duration::from_secs(60);

/// A tenant whose connections go through a proxy, and an observer's connection that does not.
struct Faulty {
    acme: TenantConnection,
    tenants: Tenants,
    observer: DatabaseConnection,
    proxy: Proxy,
    /// Last field, so that the database is dropped after all connections.
    _database: TestDatabase,
}

impl Faulty {
    async fn create(connections: u32) -> Self {
        Self::with(Tenants::builder(), connections).await
    }

    /// Creates a tenant whose statements run with its role.
    async fn with_roles(connections: u32) -> Self {
        let faulty = Self::with(Tenants::builder().run_as_tenant_roles(), connections).await;
        make_roles(&faulty.observer, &["acme"]).await;
        faulty
    }

    async fn with(mut builder: TenantsBuilder, connections: u32) -> Self {
        let database = TestDatabase::create().await;
        let tables = "CREATE SCHEMA acme; CREATE TABLE acme.note (title text NOT NULL)";
        database.execute(tables).await;
        let observer = database.connect().await;
        if with_roles() {
            make_roles(&observer, &["acme"]).await;
            builder = builder.run_as_tenant_roles();
        }
        let proxy = Proxy::start(database.url()).await;
        let tenants = builder.connect(options(&proxy, connections)).await.unwrap();
        let tenant = Tenant::new(TenantId(1), SchemaName::new("acme").unwrap(), "Acme");
        let faulty = Self {
            acme: tenants.connection(&tenant),
            tenants,
            observer,
            proxy,
            _database: database,
        };
        if with_roles() {
            // The first statement also asks for the database's name. Tests count messages without that question.
            faulty.acme.execute_unprepared("SELECT 1").await.unwrap();
        }
        faulty.settled().await;
        faulty
    }

    /// Connects SeaORM without this library, through the same proxy.
    async fn plain(&self) -> DatabaseConnection {
        Database::connect(options(&self.proxy, 1)).await.unwrap()
    }

    /// Returns the number of committed notes with a title.
    async fn notes(&self, title: &str) -> i64 {
        let sql = "SELECT count(*) FROM acme.note WHERE title = $1";
        let statement = Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, [title.into()]);
        let row = self.observer.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    /// Waits until the pool is idle, and checks it: all connections can be acquired, and none is inside a transaction, so
    /// a committed write is visible to others.
    async fn assert_clean(&self, context: &str) {
        self.settled().await;
        self.assert_outside_of_transactions(context).await;
        let mut transactions = Vec::new();
        while transactions.len() < self.status().max_connections {
            let transaction = tokio::time::timeout(LONG, self.acme.begin()).await;
            transactions.push(transaction.expect("a place in the pool").expect("a connection"));
        }
        for transaction in transactions {
            let before = self.notes("probe").await;
            transaction.execute_raw(insert("probe")).await.unwrap();
            transaction.commit().await.unwrap();
            assert_eq!(self.notes("probe").await, before + 1, "not seen: {context}");
        }
        self.settled().await;
    }

    /// Waits until no session is in a transaction. The server may notice a closed connection late.
    async fn assert_outside_of_transactions(&self, context: &str) {
        let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND xact_start IS NOT NULL AND pid <> pg_backend_pid()";
        let open = Statement::from_string(DatabaseBackend::Postgres, open);
        for _ in 0..1000 {
            let row = self.observer.query_one_raw(open.clone()).await.unwrap().unwrap();
            if row.try_get_by_index::<i64>(0).unwrap() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("inside a transaction: {context}");
    }

    fn status(&self) -> PoolStatus {
        self.tenants.pool_status().unwrap()
    }

    /// Waits until no connection is in use and nobody waits for one.
    async fn settled(&self) {
        let idle = async {
            while self.status().busy + self.status().waiting > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(LONG, idle).await.expect("a quiet pool");
    }
}

fn options(proxy: &Proxy, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(proxy.url());
    options
        .max_connections(connections)
        .acquire_timeout(LONG)
        .sqlx_logging(false);
    options
}

/// Returns a prepared statement that inserts a note.
fn insert(title: &str) -> Statement {
    let sql = r#"INSERT INTO "$tenant".note VALUES ($1)"#;
    Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, [title.into()])
}

/// Returns the statement of [`insert`] for a connection without this library.
fn plain_insert(title: &str) -> Statement {
    let sql = "INSERT INTO acme.note VALUES ($1)";
    Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, [title.into()])
}

/// Returns a statement whose rows are the numbers from 1 to `last`.
fn numbers(last: i32) -> Statement {
    let sql = "SELECT n FROM generate_series(1, $1) AS n";
    Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, [last.into()])
}

/// Polls a future at most `polls` times, whenever it is woken, and drops it. Returns its output if it was ready by then.
async fn drop_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polled = 0;
    poll_fn(|context| {
        if polled < polls {
            polled += 1;
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
        }
        if polled < polls {
            Poll::Pending
        } else {
            Poll::Ready(None)
        }
    })
    .await
}

/// Polls a future until `end` is ready, and drops it. Returns its output if it was ready first.
async fn drop_when<F: Future>(end: impl Future<Output = ()>, future: F) -> Option<F::Output> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = end => None,
    }
}

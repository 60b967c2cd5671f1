//! `create_tenant` with a connection that is lost, at each message.

use sea_orm::Database;
use tenant_core::catalog::{SeaOrmStore, TenantStore};
use tenant_migration::TenantRoles;
use tests::{Direction, Fault, Proxy, Rule};

use super::*;

/// A database in which tenants are created through a proxy.
struct Lossy {
    db: TestDatabase,
    proxy: Proxy,
    observer: DatabaseConnection,
    migrations: Migrations,
}

impl Lossy {
    async fn create() -> Self {
        let migrations = with([NOTE, TAG]).with_tenant_roles(TenantRoles::new());
        let (db, _) = with_tenants(&migrations, &[]).await;
        Self {
            proxy: Proxy::start(db.url()).await,
            observer: observe(&db).await,
            db,
            migrations,
        }
    }

    async fn connect(&self) -> DatabaseConnection {
        let mut options = sea_orm::ConnectOptions::new(self.proxy.url());
        options.max_connections(1).sqlx_logging(false);
        Database::connect(options).await.unwrap()
    }

    /// Returns the existing parts of a tenant: row, domain, schema, tables and role.
    async fn parts(&self, name: &str) -> Vec<String> {
        let sql = format!(
            "SELECT 'row ' || status || ' ' || coalesce(version, '') FROM tenants WHERE schema_name = '{name}'
             UNION ALL SELECT 'domain' FROM domains WHERE domain LIKE '{name}.%'
             UNION ALL SELECT 'schema' FROM pg_namespace WHERE nspname = '{name}'
             UNION ALL SELECT 'table ' || tablename FROM pg_tables WHERE schemaname = '{name}'
             UNION ALL SELECT 'role' FROM pg_roles WHERE rolname = 'tenant.{}.{name}'
             ORDER BY 1",
            self.db.name()
        );
        column(&self.observer, &sql).await
    }

    /// Creates a tenant, and checks that it exists completely or not at all, as the result says. Then creates it again on
    /// another connection.
    async fn create_twice(&self, db: &DatabaseConnection, name: &str) -> Result<(), LifecycleError> {
        let created = create_tenant(db, &self.migrations, &new(name)).await.map(|_| ());
        self.wait_for_transactions_to_end().await;
        let is_there = match &created {
            Ok(()) => true,
            Err(LifecycleError::CommitUnknown { .. }) => {
                let store = SeaOrmStore::new(self.observer.clone());
                store.by_schema(&schema(name)).await.unwrap().is_some()
            }
            Err(_) => false,
        };
        let parts = self.parts(name).await;
        if is_there {
            assert_eq!(parts, COMPLETE, "{name}: {created:?}");
        } else {
            assert!(parts.is_empty(), "{name}: {created:?}: {parts:?}");
        }
        let again = create_tenant(&self.observer, &self.migrations, &new(name)).await;
        if is_there {
            let is_taken = matches!(again, Err(LifecycleError::Name(NameError::SchemaTaken { .. })));
            assert!(is_taken, "{name}: {again:?}");
        } else {
            again.unwrap();
            assert_eq!(self.parts(name).await, COMPLETE, "{name}");
        }
        created
    }

    async fn wait_for_transactions_to_end(&self) {
        let open = "SELECT FROM pg_stat_activity WHERE datname = current_database()
            AND pid <> pg_backend_pid() AND backend_type = 'client backend'
            AND (state <> 'idle' OR xact_start IS NOT NULL)";
        wait_until(async || count(&self.observer, open).await == 0).await;
    }

    /// Ends the sessions that go through the proxy, like an operator or a server's shutdown.
    async fn end_sessions(&self) {
        let sql = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
        self.observer.execute_unprepared(sql).await.unwrap();
    }
}

const COMPLETE: [&str; 7] = [
    "domain",
    "role",
    "row active m2_create_tag",
    "schema",
    "table note",
    "table seaql_migrations",
    "table tag",
];

/// Creates tenants, and loses the n-th message of the n-th creation, until a creation has fewer messages.
async fn lose_at_each_message(rule: impl Fn() -> Rule) {
    let lossy = Lossy::create().await;
    let db = lossy.connect().await;
    let (mut unknown, mut n) = (0, 0);
    loop {
        n += 1;
        let lost = lossy.proxy.add(rule().nth(n));
        match lossy.create_twice(&db, &format!("t{n}")).await {
            Ok(()) if lost.has_fired() => {}
            Ok(()) => break,
            Err(LifecycleError::CommitUnknown { .. }) => unknown += 1,
            Err(error) => assert!(
                matches!(
                    error,
                    LifecycleError::Schema {
                        source: SchemaError::Database(_),
                        ..
                    } | LifecycleError::Schema {
                        source: SchemaError::Migration { .. },
                        ..
                    }
                ),
                "{n}: {error:?}"
            ),
        }
    }
    assert!(n > 30 && unknown > 0, "{n}, {unknown}");
}

#[tokio::test]
async fn a_creation_whose_request_is_lost_leaves_nothing_or_all() {
    lose_at_each_message(|| Rule::any(Direction::ToServer, Fault::Cut)).await;
}

#[tokio::test]
async fn a_creation_whose_reply_is_lost_leaves_nothing_or_all() {
    // CommandComplete and ReadyForQuery.
    lose_at_each_message(|| Rule::message(Direction::ToClient, b"CZ", Fault::Reset)).await;
}

#[tokio::test]
async fn a_creation_whose_session_is_ended_leaves_nothing_or_all() {
    let lossy = Lossy::create().await;
    let db = lossy.connect().await;
    for n in 1.. {
        let held = lossy
            .proxy
            .add(Rule::message(Direction::ToServer, b"QE", Fault::Hold).nth(n));
        let name = format!("t{n}");
        let creation = lossy.create_twice(&db, &name);
        let end = async {
            wait_until(async || held.has_fired() || !lossy.parts(&name).await.is_empty()).await;
            if held.has_fired() {
                lossy.end_sessions().await;
            }
            held.release();
        };
        if tokio::join!(creation, end).0.is_ok() && !held.has_fired() {
            assert!(n > 20, "{n}");
            break;
        }
    }
}

#[tokio::test]
async fn a_creation_whose_commit_is_lost_is_unknown() {
    for fault in [Fault::Cut, Fault::Reset] {
        let lossy = Lossy::create().await;
        let db = lossy.connect().await;
        for (name, rule, parts) in [
            ("acme", Rule::request("COMMIT\0", fault), 0),
            ("globex", Rule::reply("COMMIT\0", fault), COMPLETE.len()),
            ("initech", Rule::reply("COMMIT\0", Fault::Fatal), COMPLETE.len()),
        ] {
            lossy.proxy.add(rule);
            let error = create_tenant(&db, &lossy.migrations, &new(name))
                .await
                .unwrap_err();
            assert!(matches!(error, LifecycleError::CommitUnknown { .. }), "{error:?}");
            lossy.wait_for_transactions_to_end().await;
            assert_eq!(lossy.parts(name).await.len(), parts, "{name}");
        }
    }
}

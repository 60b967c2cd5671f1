//! Changes by another process: heard of within a second, and seen after the time to live where nobody hears.

use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait as _;
use tenant_core::{Host, SchemaName, Tenant, Tenants, resolve::TenantKey};
use tenant_migration::{NewTenant, add_domain, create_tenant, remove_domain, resume_tenant, suspend_tenant};
use tests::{Proxy, TestDatabase};

use super::{connect, database};

/// Longer than any test: what is seen was heard of.
pub(super) const LONG: Duration = Duration::from_secs(600);

/// Longest time after which a change is heard of.
pub(super) const HEARD: Duration = Duration::from_secs(1);

async fn listening(database: &TestDatabase) -> Tenants {
    let tenants = connect(database, Tenants::builder().host_cache_ttl(LONG)).await;
    wait_for_listener(&tenants).await;
    tenants
}

pub(super) async fn wait_for_listener(tenants: &Tenants) {
    wait("the listener", Duration::from_secs(20), async || {
        tenants.cache_status().is_listening
    })
    .await;
}

pub(super) async fn wait(what: &str, longest: Duration, is_done: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !is_done().await {
        assert!(begun.elapsed() < longest, "{what} took longer than {longest:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn host(name: &str) -> Host {
    Host::parse(name).unwrap()
}

fn schema(name: &str) -> SchemaName {
    SchemaName::new(name).unwrap()
}

/// Schema and status of the tenant at a host.
async fn at(tenants: &Tenants, name: &str) -> String {
    let describe = |tenant: Tenant| format!("{} {}", tenant.schema(), tenant.status());
    let found = tenants.by_host(&host(name)).await.unwrap();
    found.map_or_else(|| "none".to_owned(), describe)
}

async fn hears(tenants: &Tenants, name: &str, expected: &str) {
    wait(expected, HEARD, async || at(tenants, name).await == expected).await;
}

#[tokio::test]
async fn changes_of_tenants_and_domains_are_heard_of_within_a_second() {
    let database = database().await;
    let migrations = example_migration::migrations();
    let tenants = listening(&database).await;
    let db = database.connect().await;
    let (acme, globex) = (schema("acme"), schema("globex"));
    let (own, other) = ("acme.example.com", "globex.example.com");

    assert_eq!(at(&tenants, own).await, "acme active");
    assert_eq!(at(&tenants, other).await, "globex active");
    suspend_tenant(&db, &acme).await.unwrap();
    hears(&tenants, own, "acme suspended").await;
    resume_tenant(&db, &migrations, &acme).await.unwrap();
    hears(&tenants, own, "acme active").await;
    // The other tenant stayed in the cache.
    let misses = tenants.cache_status().misses;
    assert_eq!(at(&tenants, other).await, "globex active");
    assert_eq!(tenants.cache_status().misses, misses);

    // A host that nobody has, as it gets a tenant, another one, and none again.
    assert_eq!(at(&tenants, "shop.test").await, "none");
    add_domain(&db, &acme, &host("shop.test"), false).await.unwrap();
    hears(&tenants, "shop.test", "acme active").await;
    database
        .execute(
            "UPDATE domains SET tenant_id = (SELECT id FROM tenants WHERE schema_name = 'globex') \
             WHERE domain = 'shop.test'",
        )
        .await;
    hears(&tenants, "shop.test", "globex active").await;
    remove_domain(&db, &globex, &host("shop.test")).await.unwrap();
    hears(&tenants, "shop.test", "none").await;

    // A new tenant.
    assert_eq!(at(&tenants, "initech.example.com").await, "none");
    let new = NewTenant::new(schema("initech"), "Initech").domain(host("initech.example.com"));
    create_tenant(&db, &migrations, &new).await.unwrap();
    hears(&tenants, "initech.example.com", "initech active").await;

    // Keys other than hosts.
    let id = tenants.by_schema(&acme).await.unwrap().unwrap().id();
    for key in [TenantKey::Id(id), TenantKey::Schema(acme.clone())] {
        assert!(tenants.find(&key).await.unwrap().is_some());
    }
    database
        .execute("UPDATE tenants SET name = 'New' WHERE schema_name = 'acme'")
        .await;
    for key in [TenantKey::Id(id), TenantKey::Schema(acme.clone())] {
        wait("the new name", HEARD, async || {
            tenants.find(&key).await.unwrap().unwrap().name() == "New"
        })
        .await;
    }
}

#[tokio::test]
async fn wildcards_and_what_shadows_them_are_heard_of() {
    let database = database().await;
    let tenants = listening(&database).await;
    let insert = async |schema: &str, domain: &str| {
        let sql = format!(
            "INSERT INTO domains (tenant_id, domain) SELECT id, '{domain}' FROM tenants WHERE schema_name = '{schema}'"
        );
        database.execute(&sql).await;
    };
    assert_eq!(at(&tenants, "a.wild.test").await, "none");
    insert("acme", "*.wild.test").await;
    hears(&tenants, "a.wild.test", "acme active").await;
    insert("globex", "a.wild.test").await;
    hears(&tenants, "a.wild.test", "globex active").await;
    database
        .execute("DELETE FROM domains WHERE domain = 'a.wild.test'")
        .await;
    hears(&tenants, "a.wild.test", "acme active").await;
    database
        .execute("DELETE FROM domains WHERE domain = '*.wild.test'")
        .await;
    hears(&tenants, "a.wild.test", "none").await;
    database.execute("TRUNCATE domains").await;
    hears(&tenants, "acme.example.com", "none").await;
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_is_not_heard_of() {
    let database = database().await;
    let tenants = listening(&database).await;
    assert_eq!(at(&tenants, "acme.example.com").await, "acme active");
    let before = tenants.cache_status();
    database
        .execute("BEGIN; UPDATE tenants SET status = 'suspended'; ROLLBACK; UPDATE tenants SET name = name WHERE false")
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(tenants.cache_status().invalidations, before.invalidations);
}

#[tokio::test]
async fn many_changes_are_gathered() {
    let database = database().await;
    let tenants = listening(&database).await;
    assert_eq!(at(&tenants, "acme.example.com").await, "acme active");
    let before = tenants.cache_status().invalidations;
    let db = database.connect().await;
    for number in 0..500 {
        let sql = format!("UPDATE tenants SET name = 'n{number}' WHERE schema_name = 'globex'");
        db.execute_unprepared(&sql).await.unwrap();
    }
    database
        .execute("UPDATE tenants SET status = 'maintenance' WHERE schema_name = 'acme'")
        .await;
    hears(&tenants, "acme.example.com", "acme maintenance").await;
    let passes = tenants.cache_status().invalidations - before;
    assert!(passes < 250, "{passes} passes for 501 changes");
}

/// Ends the session that listens.
async fn end_session(database: &TestDatabase) {
    let sql = format!(
        "DO $$ BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = '{}' AND query LIKE 'LISTEN %'; ASSERT FOUND; END $$",
        database.name()
    );
    database.execute(&sql).await;
}

#[tokio::test]
async fn everything_is_dropped_once_the_listener_is_there_again() {
    let database = database().await;
    let tenants = listening(&database).await;
    assert_eq!(at(&tenants, "acme.example.com").await, "acme active");
    // A change that nobody is told of, as one is while the connection is lost.
    database
        .execute(
            "ALTER TABLE tenants DISABLE TRIGGER tenants_changed; \
             UPDATE tenants SET status = 'suspended' WHERE schema_name = 'acme'; \
             ALTER TABLE tenants ENABLE TRIGGER tenants_changed",
        )
        .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(at(&tenants, "acme.example.com").await, "acme active");
    let before = tenants.cache_status().invalidations;
    end_session(&database).await;
    wait("the listener", Duration::from_secs(20), async || {
        tenants.cache_status().invalidations > before
    })
    .await;
    wait_for_listener(&tenants).await;
    assert_eq!(at(&tenants, "acme.example.com").await, "acme suspended");
    // And the new connection hears.
    database.execute("UPDATE tenants SET status = 'active'").await;
    hears(&tenants, "acme.example.com", "acme active").await;
}

#[tokio::test]
async fn without_its_connection_a_change_is_seen_after_the_time_to_live() {
    let database = database().await;
    let proxy = Proxy::start(database.url()).await;
    let ttl = Duration::from_secs(2);
    let builder = Tenants::builder().host_cache_ttl(ttl).listen_url(proxy.url());
    let tenants = connect(&database, builder).await;
    wait_for_listener(&tenants).await;
    drop(proxy);
    wait("the loss", Duration::from_secs(20), async || {
        !tenants.cache_status().is_listening
    })
    .await;
    assert_eq!(at(&tenants, "acme.example.com").await, "acme active");
    let begun = Instant::now();
    database
        .execute("UPDATE tenants SET status = 'suspended' WHERE schema_name = 'acme'")
        .await;
    wait("the time to live", ttl + HEARD, async || {
        at(&tenants, "acme.example.com").await == "acme suspended"
    })
    .await;
    assert!(begun.elapsed() > ttl / 2, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_connection_is_closed_with_the_handle_and_is_not_opened_where_it_is_not_wanted() {
    let database = database().await;
    let sessions = async || {
        let db = database.connect().await;
        let sql = format!(
            "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = '{}' AND query LIKE 'LISTEN %'",
            database.name()
        );
        let row = db.query_one_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql));
        let count: i64 = row.await.unwrap().unwrap().try_get("", "n").unwrap();
        db.close().await.unwrap();
        count
    };
    let tenants = listening(&database).await;
    assert_eq!(sessions().await, 1);
    tenants.close().await.unwrap();
    wait("the close", Duration::from_secs(5), async || {
        sessions().await == 0
    })
    .await;
    assert!(!tenants.cache_status().is_listening);

    let dropped = listening(&database).await;
    drop(dropped);
    wait("the drop", Duration::from_secs(5), async || sessions().await == 0).await;

    let off = connect(&database, Tenants::builder().without_listener()).await;
    let own = Tenants::builder()
        .from_connection(database.connect().await)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(sessions().await, 0);
    assert!(!off.cache_status().is_listening && !own.cache_status().is_listening);
}

//! The databases and tenants that `tenant_migration::test_util` gives to an application's tests.

use std::{collections::HashSet, env, panic::AssertUnwindSafe};

use example_entity::{note, plan};
use example_migration::migrations;
use futures_util::{FutureExt as _, future::join_all};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, Database, DatabaseConnection, DbBackend, EntityTrait, PaginatorTrait,
    Set, Statement,
};
use tenant_core::DEFAULT_KIND;
use tenant_migration::test_util::{TestDatabase, TestTenants, assert_isolated, drop_leftovers};

/// Connects to the database of `DATABASE_URL`, which is that of no test.
async fn server() -> DatabaseConnection {
    let url = env::var("DATABASE_URL").unwrap();
    Database::connect(&url).await.unwrap()
}

async fn has_database(server: &DatabaseConnection, name: &str) -> bool {
    let sql = "SELECT FROM pg_database WHERE datname = $1";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [name.into()]);
    server.query_one_raw(statement).await.unwrap().is_some()
}

#[tokio::test]
async fn tenants_of_a_test_have_all_migrations_and_nobody_elses_rows() {
    let test = TestTenants::start(migrations()).await;
    let acme = test.tenant("acme").await;
    let globex = test.tenant("globex").await;
    let new = note::ActiveModel {
        title: Set("a".to_owned()),
        ..Default::default()
    };
    new.insert(acme.db()).await.unwrap();
    assert_eq!(note::Entity::find().count(acme.db()).await.unwrap(), 1);
    assert_eq!(note::Entity::find().count(globex.db()).await.unwrap(), 0);
    assert_isolated::<note::Entity>(&acme, &globex).await;
    assert!(
        acme.host().starts_with("acme-") && acme.host().ends_with(".localhost"),
        "{}",
        acme.host()
    );
    let by_host = test
        .tenants()
        .by_host(&acme.host().parse().unwrap())
        .await
        .unwrap();
    assert_eq!(by_host.unwrap().schema(), acme.tenant().schema());
}

#[tokio::test]
async fn a_shared_table_is_not_taken_for_a_tenants() {
    let test = TestTenants::start(migrations()).await;
    let (acme, globex) = (test.tenant("acme").await, test.tenant("globex").await);
    let asserted = AssertUnwindSafe(assert_isolated::<plan::Entity>(&acme, &globex))
        .catch_unwind()
        .await;
    let panic = asserted.unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("public"), "{message}");
}

#[tokio::test]
async fn fifty_tests_at_once_have_different_tenants() {
    // Keeps the database of the process until all are done.
    let first = TestTenants::start(migrations()).await;
    let one = async || {
        let test = TestTenants::start(migrations()).await;
        assert_eq!(test.database().name(), first.database().name());
        let acme = test.tenant("acme").await;
        assert_eq!(note::Entity::find().count(acme.db()).await.unwrap(), 0);
        acme.tenant().schema().clone()
    };
    let schemas = join_all((0..50).map(|_| one())).await;
    assert_eq!(schemas.into_iter().collect::<HashSet<_>>().len(), 50);
}

#[tokio::test]
async fn a_database_of_its_own_has_only_the_tests_tenants() {
    let test = TestTenants::builder(migrations()).own_database().start().await;
    test.tenant("acme").await;
    assert_eq!(test.tenants().list().await.unwrap().len(), 1);
    assert_eq!(test.tenants().list().await.unwrap()[0].kind(), DEFAULT_KIND);
}

#[tokio::test]
async fn a_panic_drops_the_database() {
    let server = server().await;
    let test = TestTenants::builder(migrations()).own_database().start().await;
    let name = test.database().name().to_owned();
    let panicking = async move {
        test.tenant("acme").await;
        panic!("a failed assertion");
    };
    AssertUnwindSafe(panicking).catch_unwind().await.unwrap_err();
    assert!(!has_database(&server, &name).await);
}

#[tokio::test]
async fn what_a_killed_process_left_behind_is_dropped() {
    let server = server().await;
    let names = ["abandoned", "connected"].map(|_| format!("tenant_test_{:012x}", fastrand::u64(..1 << 48)));
    for name in &names {
        server
            .execute_unprepared(&format!("CREATE DATABASE \"{name}\""))
            .await
            .unwrap();
    }
    let [abandoned, connected] = names;
    let living = TestDatabase::create().await;
    let url = living.url().rsplit_once('/').unwrap().0.to_owned();
    let user = Database::connect(format!("{url}/{connected}")).await.unwrap();

    drop_leftovers().await;

    assert!(!has_database(&server, &abandoned).await);
    assert!(has_database(&server, &connected).await);
    assert!(has_database(&server, living.name()).await);
    user.close().await.unwrap();
    let drop = format!("DROP DATABASE IF EXISTS \"{connected}\" WITH (FORCE)");
    server.execute_unprepared(&drop).await.unwrap();
}

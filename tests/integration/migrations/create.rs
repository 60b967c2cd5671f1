//! `create_tenant`: creates a tenant completely or not at all.

use std::{
    future::poll_fn,
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

use tenant_core::{
    TenantStatus,
    catalog::{SeaOrmStore, TenantStore},
};

use super::*;

/// Returns all tenants, domains and tenants' schemas.
async fn rest(db: &DatabaseConnection) -> Vec<String> {
    let sql = "SELECT 'tenant ' || schema_name FROM public.tenants
        UNION ALL SELECT 'domain ' || domain FROM public.domains
        UNION ALL SELECT 'schema ' || nspname FROM pg_namespace
            WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public')
        ORDER BY 1";
    column(db, sql).await
}

#[tokio::test]
async fn a_tenant_is_complete() {
    let migrations = example_migration::migrations();
    let (_db, db) = with_tenants(&migrations, &[]).await;
    let new = new("acme")
        .kind("trial")
        .metadata(serde_json::json!({"seats": 3}));
    let acme = create_tenant(&db, &migrations, &new).await.unwrap();
    let found = SeaOrmStore::new(db.clone())
        .by_schema(&schema("acme"))
        .await
        .unwrap()
        .unwrap();
    for tenant in [&acme, &found] {
        assert_eq!(tenant.id(), acme.id());
        assert_eq!(
            (tenant.schema().as_str(), tenant.name(), tenant.kind()),
            ("acme", "ACME", "trial")
        );
        assert_eq!(tenant.status(), TenantStatus::Active);
        assert_eq!(tenant.domain(), Some("acme.example.com"));
        assert_eq!(tenant.metadata()["seats"], 3);
    }
    assert_eq!(tables(&db, "acme").await, ["note", "seaql_migrations"]);
    assert_eq!(ledger(&db, "acme").await, ["m20260101_000001_create_note"]);
    db.execute_unprepared("INSERT INTO acme.note (title) VALUES ('x')")
        .await
        .unwrap();
}

#[tokio::test]
async fn the_public_tenant_is_a_row_and_a_domain() {
    let migrations = with([NOTE]);
    let (_db, db) = with_tenants(&migrations, &[]).await;
    let main = NewTenant::new(SchemaName::shared(), "Main").domain(Host::parse("example.com").unwrap());
    assert!(create_tenant(&db, &migrations, &main).await.unwrap().is_public());
    assert_eq!(rest(&db).await, ["domain example.com", "tenant public"]);
    assert_eq!(
        tables(&db, "public").await,
        [
            "domains",
            "dropped_tenants",
            "plan",
            "seaql_migrations",
            "tenants"
        ]
    );
    let again = create_tenant(&db, &migrations, &main).await;
    assert!(
        matches!(again, Err(LifecycleError::Name(NameError::SchemaTaken { .. }))),
        "{again:?}"
    );
}

#[tokio::test]
async fn what_is_taken_is_refused() {
    let migrations = with([NOTE]);
    let (database, db) = with_tenants(&migrations, &["acme"]).await;
    // `"$user"` on a path is the role that is in force, also one that cannot log in.
    let group = format!("{}_group", database.name());
    let taken = format!("CREATE SCHEMA crm; CREATE ROLE \"{group}\"");
    db.execute_unprepared(&taken).await.unwrap();
    let before = rest(&db).await;
    for name in ["acme", "ACME", "Acme", "crm", "CRM", &group] {
        // With a new domain, so that only the schema is taken.
        let new = NewTenant::new(schema(name), "x").domain(Host::parse("new.example.com").unwrap());
        let error = create_tenant(&db, &migrations, &new).await.unwrap_err();
        assert!(
            matches!(&error, LifecycleError::Name(NameError::SchemaTaken { .. })),
            "{name}: {error:?}"
        );
        assert!(error.to_string().contains(name), "{error}");
    }
    let new = new("globex").domain(Host::parse("ACME.example.com:80").unwrap());
    let error = create_tenant(&db, &migrations, &new).await.unwrap_err();
    assert!(
        matches!(&error, LifecycleError::Name(NameError::DomainTaken { .. })),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "the domain acme.example.com is taken by another tenant"
    );
    assert_eq!(rest(&db).await, before);
    let drop = format!("DROP ROLE \"{group}\"");
    db.execute_unprepared(&drop).await.unwrap();
}

#[tokio::test]
async fn without_a_catalog_it_says_what_to_do() {
    let db = TestDatabase::create().await;
    let error = create_tenant(&db.connect().await, &with([]), &new("acme"))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, LifecycleError::Lookup(LookupError::NoCatalog)),
        "{error:?}"
    );
    assert!(error.to_string().contains("catalog::migrations()"), "{error}");
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing() {
    let (_db, db) = with_tenants(&with([]), &[]).await;
    let wrong = Sql::new("m9_wrong", "INSERT INTO note (plan) VALUES ('none')", "");
    let todo = Sql::new("m9_todo", "panic", "");
    for (sql, name) in [(wrong, "m9_wrong"), (todo, "m9_todo")] {
        let error = create_tenant(&db, &with([NOTE, TAG, sql]), &new("acme"))
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("tenant acme: {name} could not be applied: ")),
            "{text}"
        );
        assert!(
            matches!(
                error,
                LifecycleError::Schema {
                    source: SchemaError::Migration { .. },
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(rest(&db).await.is_empty());
    }
    create_tenant(&db, &with([NOTE]), &new("acme")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_who_come_at_once_one_wins() {
    let migrations = with([NOTE]);
    let (_db, db) = with_tenants(&migrations, &[]).await;
    for round in 0..3 {
        // One name in two spellings, with different domains; then one name; then one domain for different names.
        let tenants = (0..20).map(|i| match round {
            0 => NewTenant::new(schema(["acme", "Acme"][i % 2]), "x"),
            1 => new("globex"),
            _ => {
                NewTenant::new(schema(&format!("t{i}")), "x").domain(Host::parse("one.example.com").unwrap())
            }
        });
        let tenants: Vec<_> = tenants.collect();
        let creations = tenants.iter().map(|new| create_tenant(&db, &migrations, new));
        let results = futures_util::future::join_all(creations).await;
        let won = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(won, 1, "{results:?}");
        for error in results.into_iter().filter_map(Result::err) {
            assert!(
                matches!(
                    error,
                    LifecycleError::Name(NameError::SchemaTaken { .. } | NameError::DomainTaken { .. })
                ),
                "{error:?}"
            );
        }
    }
    assert_eq!(count(&db, "SELECT FROM tenants").await, 3);
    let orphans = "SELECT FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|public$)'
        AND nspname NOT IN (SELECT schema_name FROM tenants)";
    assert_eq!(count(&db, orphans).await, 0);
}

/// Polls a future this number of times, and drops it. Returns its output if it was ready by then. The last wake-up may
/// remain unseen by the future.
async fn polled<T>(times: u32, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Waits until no connection has a transaction, except the observer's.
async fn assert_no_transaction_stays_open(observer: &DatabaseConnection) {
    let open = "SELECT FROM pg_stat_activity WHERE datname = current_database()
        AND pid <> pg_backend_pid() AND (state <> 'idle' OR xact_start IS NOT NULL)";
    for _ in 0..500 {
        if count(observer, open).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a transaction stays open");
}

/// A creation that is cancelled at any time, as by a browser that disconnects, creates all of the tenant or nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_creation_leaves_all_or_nothing() {
    const ROUNDS: u32 = 60;
    let migrations = with([NOTE, TAG]);
    let (test, db) = with_tenants(&migrations, &["first"]).await;
    let observer = test.connect().await;
    let begun = Instant::now();
    create_tenant(&db, &migrations, &new("second")).await.unwrap();
    let time = begun.elapsed();

    for round in 0..ROUNDS {
        let new = new(&format!("t{round}"));
        let creation = create_tenant(&db, &migrations, &new);
        if round % 2 == 0 {
            let limit = time.mul_f64(1.3 * f64::from(round) / f64::from(ROUNDS));
            let _ = tokio::time::timeout(limit, creation).await;
        } else {
            let _ = polled(round / 2, creation).await;
        }
        assert_no_transaction_stays_open(&observer).await;
    }

    let complete = "SELECT schema_name FROM tenants JOIN domains ON tenant_id = tenants.id
        WHERE to_regclass(schema_name || '.note') IS NOT NULL AND to_regclass(schema_name || '.tag') IS NOT NULL
        ORDER BY 1";
    let schemas =
        "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|public$)' ORDER BY 1";
    let created = column(&db, "SELECT schema_name FROM tenants ORDER BY 1").await;
    assert_eq!(created, column(&db, complete).await);
    assert_eq!(created, column(&db, schemas).await);
    // These two were cancelled before they could begin.
    assert!(
        !created.contains(&"t0".to_owned()) && !created.contains(&"t1".to_owned()),
        "{created:?}"
    );

    // All connections of the pool still work.
    for round in 0..ROUNDS {
        let again = create_tenant(&db, &migrations, &new(&format!("t{round}"))).await;
        assert!(
            matches!(
                again,
                Ok(_) | Err(LifecycleError::Name(NameError::SchemaTaken { .. }))
            ),
            "{again:?}"
        );
    }
    assert_eq!(count(&db, "SELECT FROM tenants").await, i64::from(ROUNDS) + 2);
}

/// A tenant cannot get the name of a schema for all tenants, even if that schema does not exist yet.
#[tokio::test]
async fn a_schema_that_all_tenants_use_is_taken() {
    let roles = tenant_migration::TenantRoles::new().read_schema(schema("reference"));
    let migrations = with([NOTE])
        .with_extension_schemas([schema("extensions")])
        .with_tenant_roles(roles);
    let (_db, db) = with_tenants(&with([NOTE]), &[]).await;
    let user = column(&db, "SELECT current_user::text").await.remove(0);
    for name in ["extensions", "Extensions", "reference", &user] {
        let created = create_tenant(&db, &migrations, &NewTenant::new(schema(name), name)).await;
        assert!(
            matches!(created, Err(LifecycleError::Name(NameError::SchemaTaken { .. }))),
            "{name}: {created:?}"
        );
    }
    assert_eq!(rest(&db).await, Vec::<String>::new());
}

//! Tenants whose schema is older or newer than the application.

use std::time::Duration;

use sea_orm::ConnectionTrait;
use tenant_core::{SchemaVersions, SkewPolicy, Tenants, VersionSkew};
use tests::TestDatabase;

use super::{ACME, Framework, GLOBEX, MAIN, TestApp, create, migrate, site};

on_each_framework!(
    a_tenant_that_is_behind_is_refused_until_it_is_migrated,
    a_tenant_that_is_ahead_and_the_main_site_are_served,
    a_tenant_that_is_behind_is_served_where_that_is_not_refused,
);

async fn start(framework: Framework, policy: SkewPolicy) -> (TestApp, Tenants) {
    let database = TestDatabase::create().await;
    migrate(&database).await;
    let versions = SchemaVersions::new(["old", "new"]);
    let builder = Tenants::builder().host_cache_ttl(Duration::from_secs(600));
    let builder = builder.expect_versions(versions, policy);
    let tenants = builder.connect(database.options()).await.expect("connect");
    for (schema, domain) in [("public", MAIN), ("acme", ACME), ("globex", GLOBEX)] {
        create(&tenants, schema, schema, domain).await;
    }
    set(&tenants, "acme", "'old'").await;
    set(&tenants, "globex", "'newer'").await;
    let app = TestApp::serve(framework, site(&tenants), database);
    (app, tenants)
}

/// Sets the version of a tenant's schema in the catalog.
async fn set(tenants: &Tenants, schema: &str, version: &str) {
    let sql = format!("UPDATE public.tenants SET version = {version} WHERE schema_name = '{schema}'");
    let done = tenants.shared_connection().execute_unprepared(&sql).await;
    assert_eq!(done.expect("an update").rows_affected(), 1);
}

async fn a_tenant_that_is_behind_is_refused_until_it_is_migrated(framework: Framework) {
    let (app, tenants) = start(framework, SkewPolicy::Refuse).await;
    for version in ["'old'", "NULL"] {
        set(&tenants, "acme", version).await;
        for _ in 0..2 {
            let answer = app.get(ACME, "/api/notes").await.expect(503);
            assert_eq!(
                answer.text,
                "Service Unavailable: this site is being worked on.\n"
            );
        }
    }
    set(&tenants, "acme", "'new'").await;
    app.get(ACME, "/api/notes").await.expect(200);
}

async fn a_tenant_that_is_ahead_and_the_main_site_are_served(framework: Framework) {
    let (app, tenants) = start(framework, SkewPolicy::Refuse).await;
    app.get(GLOBEX, "/api/notes").await.expect(200);
    app.get(MAIN, "/").await.expect(200);
    let mut skews = Vec::new();
    for tenant in tenants.list().await.expect("tenants") {
        skews.push((tenant.schema().to_string(), tenants.version_skew(&tenant)));
    }
    let behind = VersionSkew::Behind { pending: 1 };
    let expected = [
        ("acme", behind),
        ("globex", VersionSkew::Ahead),
        ("public", VersionSkew::Current),
    ];
    assert_eq!(skews, expected.map(|(schema, skew)| (schema.to_owned(), skew)));
}

async fn a_tenant_that_is_behind_is_served_where_that_is_not_refused(framework: Framework) {
    for policy in [SkewPolicy::Serve, SkewPolicy::Warn] {
        let (app, _) = start(framework, policy).await;
        app.get(ACME, "/api/notes").await.expect(200);
    }
}

//! Jobs, which are stored with a reference to their tenant.

use tenant_core::{SkewPolicy, TenantRef, TenantStatus, Tenants, Unserved, context};
use tenant_migration::{DropOptions, archive_tenant, drop_tenant, resume_tenant, suspend_tenant};

use super::*;

/// Returns a tenant's reference as a queue stores it.
async fn stored(tenants: &Tenants, name: &str) -> TenantRef {
    let tenant = tenants.by_schema(&schema(name)).await.unwrap().unwrap();
    let text = serde_json::to_string(&tenant.reference()).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn a_job_runs_for_a_tenant_that_is_served_when_it_runs() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    let tenants = db.tenants().await;
    let (acme, globex) = (stored(&tenants, "acme").await, stored(&tenants, "globex").await);
    let found = tenants.resolve(&acme).await.unwrap();
    assert_eq!(found.tenant().reference(), acme);

    suspend_tenant(&connection, &acme.schema).await.unwrap();
    let refused = tenants.resolve(&acme).await.unwrap_err();
    assert!(
        matches!(
            refused,
            Unserved::Status {
                status: TenantStatus::Suspended,
                ..
            }
        ) && refused.may_pass(),
        "{refused}"
    );
    resume_tenant(&connection, &migrations, &acme.schema)
        .await
        .unwrap();
    tenants.resolve(&acme).await.unwrap();
    archive_tenant(&connection, &acme.schema).await.unwrap();
    assert!(!tenants.resolve(&acme).await.unwrap_err().may_pass());

    suspend_tenant(&connection, &globex.schema).await.unwrap();
    let at_once = DropOptions::default().drain(std::time::Duration::ZERO);
    drop_tenant(&connection, &migrations, &globex.schema, &at_once)
        .await
        .unwrap();
    let refused = tenants.resolve(&globex).await.unwrap_err();
    assert!(
        matches!(refused, Unserved::Gone(_)) && !refused.may_pass(),
        "{refused}"
    );
}

/// In another database, the same id is another tenant's.
#[tokio::test]
async fn a_job_of_another_database_is_refused() {
    let (first, _) = with_tenants(&with([NOTE]), &["acme", "globex"]).await;
    let (second, _) = with_tenants(&with([NOTE]), &["globex", "acme"]).await;
    let acme = stored(&first.tenants().await, "acme").await;
    let refused = second.tenants().await.resolve(&acme).await.unwrap_err();
    assert!(
        matches!(refused, Unserved::OtherSchema { .. }) && !refused.may_pass(),
        "{refused}"
    );
    assert!(
        refused.to_string().contains("acme") && refused.to_string().contains("globex"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_job_waits_for_the_migrations_of_its_tenant() {
    let (db, _) = with_tenants(&with([NOTE]), &["acme"]).await;
    let newer = with([NOTE, TAG]);
    let tenants = Tenants::builder()
        .expect_versions(newer.versions(), SkewPolicy::Refuse)
        .connect(db.options())
        .await
        .unwrap();
    let acme = stored(&tenants, "acme").await;
    let refused = tenants.resolve(&acme).await.unwrap_err();
    assert!(
        matches!(refused, Unserved::Behind(_)) && refused.may_pass(),
        "{refused}"
    );
    assert!(up(&db, &newer).await.is_success());
    tenants.resolve(&acme).await.unwrap();
}

/// The spawned task goes on when the one that spawned it is done, and its statements have the tenant of their connection.
#[tokio::test]
async fn a_spawned_task_keeps_its_tenant() {
    let (db, _) = with_tenants(&with([NOTE]), &["acme", "globex"]).await;
    let tenants = db.tenants().await;
    let acme = stored(&tenants, "acme").await;
    let connection = tenants.resolve(&acme).await.unwrap();
    let tenant = connection.tenant().clone();
    let work = async move {
        let statement = Statement::from_string(DatabaseBackend::Postgres, "SELECT count(*) FROM note");
        let row = connection.query_one_raw(statement).await.unwrap().unwrap();
        let current = context::current().map(|tenant| tenant.reference());
        (row.try_get_by_index::<i64>(0).unwrap(), current)
    };
    let begin = async { (context::spawn(work),) };
    let (spawned,) = context::scope(tenant, begin).await;
    assert_eq!(spawned.await.unwrap(), (1, Some(acme)));
    assert_eq!(context::current(), None);
}

//! Jobs on PostgreSQL, of several tenants.

use std::time::{Duration, Instant};

use example_entity::note;
use example_jobs::Queue;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DbBackend, EntityTrait as _, QueryOrder as _, Statement,
};
use tenant_core::{Tenant, TenantRef};
use tenant_migration::{
    resume_tenant, suspend_tenant,
    test_util::{TestTenant, TestTenants},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Tenants with a queue of their own.
struct Jobs {
    test: TestTenants,
    queue: Queue,
}

impl Jobs {
    async fn start() -> Self {
        let migrations = example_migration::migrations();
        // The queue is the whole database's.
        let test = TestTenants::builder(migrations).own_database().start().await;
        let queue = example_jobs::open(test.tenants()).await.unwrap();
        Self { test, queue }
    }

    async fn add(&self, tenant: &Tenant, title: &str) {
        example_jobs::add(&self.queue, tenant, title).await.unwrap();
    }

    /// Works until a query returns a row.
    async fn work_until(&self, query: &str) {
        let tenants = self.test.tenants().clone();
        let until = until_it_has_a_row(tenants.shared_connection().clone(), query.to_owned());
        example_jobs::work(tenants, self.queue.clone(), until)
            .await
            .unwrap();
    }
}

async fn until_it_has_a_row(db: DatabaseConnection, query: String) {
    let begun = Instant::now();
    while has_no_row(&db, &query).await {
        assert!(begun.elapsed() < PATIENCE, "not yet: {query}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn has_no_row(db: &DatabaseConnection, query: &str) -> bool {
    let statement = Statement::from_string(DbBackend::Postgres, query);
    db.query_one_raw(statement).await.unwrap().is_none()
}

async fn titles(tenant: &TestTenant) -> Vec<String> {
    let notes = note::Entity::find().order_by_asc(note::Column::Title);
    let notes = notes.all(tenant.db()).await.unwrap();
    notes.into_iter().map(|note| note.title).collect()
}

/// True once all jobs have ended.
const ALL_DONE: &str = "SELECT WHERE NOT EXISTS (SELECT FROM apalis.jobs WHERE status <> 'Done')";

#[tokio::test]
async fn each_job_writes_for_its_tenant_alone() {
    let jobs = Jobs::start().await;
    let (acme, globex) = (jobs.test.tenant("acme").await, jobs.test.tenant("globex").await);
    for number in 0..5 {
        jobs.add(acme.tenant(), &format!("acme {number}")).await;
        jobs.add(globex.tenant(), &format!("globex {number}")).await;
    }
    jobs.work_until(ALL_DONE).await;
    for (tenant, name) in [(&acme, "acme"), (&globex, "globex")] {
        let expected: Vec<_> = (0..5).map(|number| format!("{name} {number}")).collect();
        assert_eq!(titles(tenant).await, expected);
    }
}

#[tokio::test]
async fn the_job_of_a_suspended_tenant_waits_until_it_is_served() {
    let jobs = Jobs::start().await;
    let (acme, globex) = (jobs.test.tenant("acme").await, jobs.test.tenant("globex").await);
    let db = jobs.test.tenants().shared_connection();
    suspend_tenant(db, globex.tenant().schema()).await.unwrap();
    jobs.add(globex.tenant(), "later").await;
    jobs.add(acme.tenant(), "now").await;
    let is_put_off =
        "SELECT FROM apalis.jobs WHERE status = 'Pending' AND run_at > now() + interval '50 seconds'";
    let are_done = "SELECT FROM apalis.jobs HAVING count(*) FILTER (WHERE status = 'Done') = 2";
    jobs.work_until(&format!("{are_done} AND EXISTS ({is_put_off})"))
        .await;
    assert_eq!(titles(&acme).await, ["now"]);
    assert!(titles(&globex).await.is_empty());

    resume_tenant(db, &example_migration::migrations(), globex.tenant().schema())
        .await
        .unwrap();
    let sql = "UPDATE apalis.jobs SET run_at = now() - interval '1 second' WHERE status = 'Pending'";
    db.execute_unprepared(sql).await.unwrap();
    jobs.work_until(ALL_DONE).await;
    assert_eq!(titles(&globex).await, ["later"]);
    assert_eq!(titles(&acme).await, ["now"]);
}

#[tokio::test]
async fn the_job_of_a_tenant_that_is_gone_or_another_is_given_up() {
    let jobs = Jobs::start().await;
    let (acme, globex) = (jobs.test.tenant("acme").await, jobs.test.tenant("globex").await);
    let acme_id = acme.tenant().id();
    let gone: TenantRef = serde_json::from_str(r#"{"id": 999999, "schema": "acme"}"#).unwrap();
    let other = format!(r#"{{"id": {acme_id}, "schema": "{}"}}"#, globex.tenant().schema());
    let other: TenantRef = serde_json::from_str(&other).unwrap();
    for reference in [gone, other] {
        let tenant = Tenant::new(reference.id, reference.schema, "");
        jobs.add(&tenant, "nobody's").await;
    }
    jobs.add(acme.tenant(), "acme's").await;
    let are_given_up = "SELECT FROM apalis.jobs HAVING count(*) FILTER (WHERE status = 'Killed') = 2
        AND count(*) FILTER (WHERE status = 'Done') = 1";
    jobs.work_until(are_given_up).await;
    assert_eq!(titles(&acme).await, ["acme's"]);
    assert!(titles(&globex).await.is_empty());
}

#[tokio::test]
async fn a_job_that_fails_is_tried_a_few_times() {
    let jobs = Jobs::start().await;
    let acme = jobs.test.tenant("acme").await;
    let db = jobs.test.tenants().shared_connection();
    let schema = acme.tenant().schema().quoted();
    db.execute_unprepared(&format!("ALTER TABLE {schema}.note RENAME TO note_away"))
        .await
        .unwrap();
    jobs.add(acme.tenant(), "never").await;
    jobs.work_until("SELECT FROM apalis.jobs WHERE status = 'Failed' AND attempts = 5")
        .await;
}

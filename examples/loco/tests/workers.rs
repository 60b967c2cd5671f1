//! Background workers, with Loco's queue in PostgreSQL.

use example_migration::migrations;
use reqwest::StatusCode;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::json;
use tenant_migration::{resume_tenant, suspend_tenant};

use crate::program::{Program, schema, wait_until};

#[tokio::test]
async fn a_job_works_for_the_tenant_that_stored_it() {
    let program = Program::with_tenants().await;
    let server = program.start("--server-and-worker").await;
    for host in ["acme.localhost", "globex.localhost"] {
        server.post(host, "/notes", &json!({ "title": host })).await;
    }
    server.post("acme.localhost", "/notes/digest", &json!(null)).await;
    let expected = [
        (1, "acme.localhost".to_owned()),
        (2, "Digest: 1 notes".to_owned()),
    ];
    wait_until("the digest of acme", async || {
        server.notes("acme.localhost").await == expected
    })
    .await;
    assert_eq!(
        server.notes("globex.localhost").await,
        [(1, "globex.localhost".to_owned())]
    );
}

#[tokio::test]
async fn a_job_of_a_tenant_that_was_suspended_fails_and_can_be_tried_again() {
    let program = Program::with_tenants().await;
    let server = program.start("").await;
    for host in ["acme.localhost", "globex.localhost"] {
        server.post(host, "/notes/digest", &json!(null)).await;
    }
    drop(server);
    let db = program.connect().await;
    suspend_tenant(&db, &schema("globex")).await.unwrap();

    let server = program.start("--server-and-worker").await;
    wait_until("both jobs", async || {
        statuses(&db).await == ["completed", "failed"]
    })
    .await;
    assert_eq!(server.notes("acme.localhost").await.len(), 1);
    resume_tenant(&db, &migrations(), &schema("globex"))
        .await
        .unwrap();
    server
        .wait_for("globex.localhost", "/notes", StatusCode::OK)
        .await;
    assert_eq!(server.notes("globex.localhost").await, []);

    program.run("jobs retry").await;
    wait_until("the job again", async || {
        server.notes("globex.localhost").await.len() == 1
    })
    .await;
    assert_eq!(server.notes("acme.localhost").await.len(), 1);
}

/// Returns the statuses of the jobs. The queue is a table of the shared schema.
async fn statuses(db: &impl ConnectionTrait) -> Vec<String> {
    let sql = "SELECT status::text FROM public.pg_loco_queue ORDER BY status";
    let rows = db
        .query_all_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await;
    let status = |row: sea_orm::QueryResult| row.try_get_by_index::<String>(0).unwrap();
    rows.unwrap().into_iter().map(status).collect()
}

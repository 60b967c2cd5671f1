//! Tasks.

use example_migration::migrations;
use reqwest::StatusCode;
use serde_json::json;
use tenant_migration::{Action, Executor, Target};

use crate::program::Program;

#[tokio::test]
async fn a_task_migrates_the_shared_schema_and_all_tenants() {
    let program = Program::new().await;
    let said = program.run("task tenants:migrate").await;
    assert!(
        said.contains("public: ") && said.contains(" migrations"),
        "{said}"
    );

    for tenant in [
        "schema:acme name:Acme domain:acme.localhost",
        "schema:globex name:Globex domain:globex.localhost",
    ] {
        program.run(&format!("task tenant:create {tenant}")).await;
    }
    revert_tenants(&program).await;
    let server = program.start("").await;
    for host in ["acme.localhost", "globex.localhost"] {
        assert_eq!(
            server.status(host, "/notes").await,
            StatusCode::SERVICE_UNAVAILABLE,
            "{host}"
        );
    }

    let said = program.run("task tenants:migrate").await;
    for line in ["public: up to date", "acme: 1 migrations", "globex: 1 migrations"] {
        assert!(said.contains(line), "{line} is missing in {said}");
    }
    for host in ["acme.localhost", "globex.localhost"] {
        server.post(host, "/notes", &json!({ "title": host })).await;
        assert_eq!(server.notes(host).await, [(1, host.to_owned())]);
    }
}

/// Reverts the tenants' only migration.
async fn revert_tenants(program: &Program) {
    let executor = Executor::connect(program.database.options(), migrations())
        .await
        .unwrap();
    let plan = executor
        .plan(&Target::AllTenants, Action::Down { steps: 1 })
        .await
        .unwrap();
    executor.run(plan, &mut ()).await.into_result().unwrap();
    executor.close().await.unwrap();
}

#[tokio::test]
async fn a_tenant_cannot_be_created_twice() {
    let program = Program::with_tenants().await;
    let said = program
        .fails("task tenant:create schema:acme name:Other domain:other.localhost")
        .await;
    assert!(said.contains("acme"), "{said}");
    let said = program
        .fails("task tenant:create schema:pg_temp name:Other domain:other.localhost")
        .await;
    assert!(said.contains("pg_temp"), "{said}");
}

#[tokio::test]
async fn a_task_works_for_each_tenant() {
    let program = Program::with_tenants().await;
    let server = program.start("").await;
    for (host, titles) in [
        ("acme.localhost", ["", ""]),
        ("globex.localhost", ["", "Hammocks"]),
    ] {
        for title in titles {
            server.post(host, "/notes", &json!({ "title": title })).await;
        }
    }
    let said = program.run("task notes:purge").await;
    assert!(
        said.contains("acme: 2 notes") && said.contains("globex: 1 notes"),
        "{said}"
    );
    assert_eq!(server.notes("acme.localhost").await, []);
    assert_eq!(
        server.notes("globex.localhost").await,
        [(2, "Hammocks".to_owned())]
    );
}

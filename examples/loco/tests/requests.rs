//! Requests.

use reqwest::{Method, StatusCode};
use serde_json::json;
use tenant_migration::suspend_tenant;

use crate::program::{Program, schema};

#[tokio::test]
async fn two_tenants_see_their_own_notes_only() {
    let program = Program::with_tenants().await;
    let server = program.start("").await;
    for (host, title) in [
        ("acme.localhost", "Anvils"),
        ("acme.localhost", "Road runner"),
        ("globex.localhost", "Hammocks"),
    ] {
        server.post(host, "/notes", &json!({ "title": title })).await;
    }
    let (anvils, road_runner) = ((1, "Anvils".to_owned()), (2, "Road runner".to_owned()));
    assert_eq!(server.notes("acme.localhost").await, [anvils, road_runner]);
    assert_eq!(
        server.notes("globex.localhost").await,
        [(1, "Hammocks".to_owned())]
    );
    assert_eq!(server.get("acme.localhost", "/notes/1").await["title"], "Anvils");
    assert_eq!(
        server.get("globex.localhost", "/notes/1").await["title"],
        "Hammocks"
    );
    assert_eq!(
        server.get("acme.localhost", "/notes/2").await["title"],
        "Road runner"
    );
    assert_eq!(
        server.status("globex.localhost", "/notes/2").await,
        StatusCode::NOT_FOUND
    );
    let page = server.get("acme.localhost", "/notes?page_size=1&page=2").await;
    assert_eq!(page["results"][0]["title"], "Road runner");
    assert_eq!(page["pagination"]["total_items"], 2);
}

#[tokio::test]
async fn a_host_without_a_tenant_gets_404_on_every_route() {
    let program = Program::with_tenants().await;
    let server = program.start("").await;
    // Loco's probes have a host, too.
    for path in ["/", "/notes", "/_ping", "/_health", "/_readiness", "/nothing"] {
        assert_eq!(
            server.status("nobody.localhost", path).await,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    for path in ["/", "/_ping", "/_health", "/_readiness"] {
        assert_eq!(server.status("localhost", path).await, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn the_main_site_has_no_notes() {
    let program = Program::with_tenants().await;
    let server = program.start("").await;
    assert_eq!(
        server.get("localhost", "/").await,
        json!({ "site": "Notes", "main": true })
    );
    assert_eq!(
        server.get("acme.localhost", "/").await,
        json!({ "site": "Acme", "main": false })
    );
    assert_eq!(server.status("localhost", "/notes").await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn another_process_suspends_a_tenant() {
    let program = Program::with_tenants().await;
    let server = program.start("").await;
    assert_eq!(server.status("acme.localhost", "/notes").await, StatusCode::OK);
    suspend_tenant(&program.connect().await, &schema("acme"))
        .await
        .unwrap();
    server
        .wait_for("acme.localhost", "/notes", StatusCode::FORBIDDEN)
        .await;
    assert_eq!(server.status("globex.localhost", "/notes").await, StatusCode::OK);
}

#[tokio::test]
async fn a_token_of_another_tenant_gets_403() {
    let program = Program::with_tenants().await;
    let token = program.run("task token:create schema:acme pid:ada").await;
    let token = token.lines().last().unwrap();
    let server = program.start("").await;
    let current = async |host, token| {
        let request = server.request(Method::GET, host, "/api/auth/current");
        request.bearer_auth(token).send().await.unwrap()
    };
    let answer = current("acme.localhost", token).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let user: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(user, json!({ "pid": "ada", "tenant": "Acme" }));
    for host in ["globex.localhost", "localhost"] {
        assert_eq!(
            current(host, token).await.status(),
            StatusCode::FORBIDDEN,
            "{host}"
        );
    }
    // On routes that ask for no token, too.
    let notes = server.request(Method::GET, "globex.localhost", "/notes");
    assert_eq!(
        notes.bearer_auth(token).send().await.unwrap().status(),
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        current("acme.localhost", "forged").await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        server.status("acme.localhost", "/api/auth/current").await,
        StatusCode::UNAUTHORIZED
    );
}

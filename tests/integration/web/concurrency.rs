//! Many clients at the same time.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{ACME, Framework, GLOBEX, MAIN, TestApp};

const CLIENTS: usize = 50;
const ROUNDS: usize = 9;
const INITECH: &str = "initech.localhost";
const HOSTS: [&str; 3] = [ACME, GLOBEX, INITECH];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_clients_that_switch_hosts_see_one_tenant_at_a_time_on_axum() {
    fifty_clients_that_switch_hosts_see_one_tenant_at_a_time(Framework::Axum).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_clients_that_switch_hosts_see_one_tenant_at_a_time_on_actix() {
    fifty_clients_that_switch_hosts_see_one_tenant_at_a_time(Framework::Actix).await;
}

/// Each client visits all hosts, writes there, and checks that it can read nothing of another tenant.
async fn fifty_clients_that_switch_hosts_see_one_tenant_at_a_time(framework: Framework) {
    let app = Arc::new(TestApp::start(framework).await);
    let new = json!({"schema": "initech", "name": "Initech", "domain": INITECH});
    app.post(MAIN, "/api/tenants", &new).await.expect(201);

    let clients = (0..CLIENTS).map(|client| tokio::spawn(visit_all(app.clone(), client)));
    for result in join_all(clients).await {
        result.expect("a client");
    }

    for host in HOSTS {
        let notes = app.get(host, "/api/notes").await.expect(200).json();
        assert_eq!(
            notes.as_array().map(Vec::len),
            Some(CLIENTS * ROUNDS / HOSTS.len())
        );
        let mut ids: Vec<_> = rows(&notes).filter_map(|note| note["id"].as_i64()).collect();
        ids.sort_unstable();
        let expected: Vec<_> = (1..).take(ids.len()).collect();
        assert_eq!(ids, expected, "the ids of {host} are its own");
    }
}

async fn visit_all(app: Arc<TestApp>, client: usize) {
    for round in 0..ROUNDS {
        let host = HOSTS[(client + round) % HOSTS.len()];
        visit(&app, host, &format!("{host} {client} {round}")).await;
    }
}

async fn visit(app: &TestApp, host: &str, title: &str) {
    let note = json!({"title": title, "body": host, "plan": "free"});
    let created = app.post(host, "/api/notes", &note).await.expect(201);
    let path = created.header("location").to_owned();
    assert_eq!(app.get(host, &path).await.expect(200).json(), created.json());

    let changed = json!({"title": title, "body": format!("{host}, again"), "plan": "team"});
    let replaced = app.put(host, &path, &changed).await.expect(200).json();
    assert_eq!(replaced["title"], title);

    for note in rows(&app.get(host, "/api/notes").await.expect(200).json()) {
        assert!(
            is_of(host, &note["title"]) && is_of(host, &note["body"]),
            "{host} shows {note}"
        );
    }
    assert_eq!(
        app.get(host, "/api/whoami").await.expect(200).json()["domain"],
        host
    );
    let page = app.get(host, "/").await.expect(200).text;
    for other in HOSTS.iter().filter(|other| **other != host) {
        assert!(!page.contains(other), "the page of {host} has {other} in it");
    }
}

fn rows(json: &Value) -> impl Iterator<Item = &Value> {
    json.as_array().into_iter().flatten()
}

fn is_of(host: &str, text: &Value) -> bool {
    text.as_str().is_some_and(|text| text.starts_with(host))
}

//! The JSON API of a tenant's site.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ACME, Answer, Framework, GLOBEX, TestApp};

on_each_framework!(
    tenants_have_notes_of_their_own_with_the_same_ids,
    a_note_is_written_replaced_and_deleted,
    a_note_that_breaks_a_rule_is_refused_with_the_reason,
    a_request_that_cannot_be_read_is_refused_in_json,
    a_route_says_which_methods_it_has,
    plans_are_shared_and_counted_for_each_tenant,
    whoami_tells_the_tenant,
);

async fn tenants_have_notes_of_their_own_with_the_same_ids(framework: Framework) {
    let app = TestApp::start(framework).await;
    for (host, title) in [(ACME, "Anvils"), (GLOBEX, "Hammocks")] {
        let note = json!({"title": title, "body": "", "plan": "team"});
        let created = app.post(host, "/api/notes", &note).await.expect(201);
        assert_eq!(created.header("location"), "/api/notes/1");
        assert_eq!(
            created.json(),
            json!({"id": 1, "title": title, "body": "", "plan": "team"})
        );
    }
    for (host, title) in [(ACME, "Anvils"), (GLOBEX, "Hammocks")] {
        let notes = app.get(host, "/api/notes").await.expect(200).json();
        assert_eq!(
            notes,
            json!([{"id": 1, "title": title, "body": "", "plan": "team"}])
        );
        assert_eq!(app.get(host, "/api/notes/1").await.expect(200).json(), notes[0]);
    }

    app.delete(ACME, "/api/notes/1").await.expect(204);
    app.get(ACME, "/api/notes/1")
        .await
        .expect_error(404, "nothing here");
    app.get(GLOBEX, "/api/notes/1").await.expect(200);
}

async fn a_note_is_written_replaced_and_deleted(framework: Framework) {
    let app = TestApp::start(framework).await;
    let created = app
        .post(ACME, "/api/notes", &json!({"title": " Anvils "}))
        .await
        .expect(201);
    let id = &created.json()["id"];
    assert_eq!(
        created.json(),
        json!({"id": id, "title": "Anvils", "body": "", "plan": "free"})
    );

    let path = created.header("location");
    let changed = json!({"title": "Anvils, again", "body": "Two\nlines", "plan": "business"});
    let replaced = app.put(ACME, path, &changed).await.expect(200).json();
    assert_eq!(
        replaced,
        json!({"id": id, "title": "Anvils, again", "body": "Two\nlines", "plan": "business"})
    );
    assert_eq!(app.get(ACME, path).await.expect(200).json(), replaced);

    assert_eq!(app.delete(ACME, path).await.expect(204).text, "");
    app.get(ACME, path).await.expect_error(404, "nothing here");
    app.put(ACME, path, &changed)
        .await
        .expect_error(404, "nothing here");
    app.delete(ACME, path).await.expect_error(404, "nothing here");
}

async fn a_note_that_breaks_a_rule_is_refused_with_the_reason(framework: Framework) {
    let app = TestApp::start(framework).await;
    app.post(ACME, "/api/notes", &json!({"title": "Anvils"}))
        .await
        .expect(201);
    for (note, reason) in [
        (json!({"title": "  "}), "title: A note needs a title"),
        (json!({"title": "x".repeat(201)}), "title: This is longer"),
        (json!({"title": "a\0b"}), "title: This has a character"),
        (
            json!({"title": "a", "body": "a\0b"}),
            "body: This has a character",
        ),
        (
            json!({"title": "a", "body": "x".repeat(20_001)}),
            "body: This is longer",
        ),
        (
            json!({"title": "a", "plan": "gold"}),
            "plan: There is no such plan",
        ),
        (json!({"title": "a", "plan": ""}), "plan: There is no such plan"),
        (json!({"title": "a", "plan": "\0"}), "plan: This has a character"),
        (json!({"body": "a"}), "title"),
        (json!({"title": 1}), "expected a string"),
    ] {
        app.post(ACME, "/api/notes", &note)
            .await
            .expect_error(422, reason);
        app.put(ACME, "/api/notes/1", &note)
            .await
            .expect_error(422, reason);
    }
    let notes = app.get(ACME, "/api/notes").await.expect(200).json();
    assert_eq!(
        notes,
        json!([{"id": 1, "title": "Anvils", "body": "", "plan": "free"}])
    );
}

async fn a_request_that_cannot_be_read_is_refused_in_json(framework: Framework) {
    let app = TestApp::start(framework).await;
    let post = || app.request(Method::POST, ACME, "/api/notes");
    let json = |text: String| post().header("content-type", "application/json").body(text);

    Answer::to(json("{".to_owned())).await.expect_error(400, "JSON");
    Answer::to(post().body("{}"))
        .await
        .expect_error(415, "Content-Type");
    // One byte more than the limit: more unread bytes would reset the connection.
    Answer::to(json("x".repeat(256 * 1024 + 1)))
        .await
        .expect_error(413, "");
    let patch = app.request(Method::PATCH, ACME, "/api/notes");
    Answer::to(patch).await.expect_error(405, "another method");
    for path in [
        "/api/notes/one",
        "/api/notes/99999999999",
        "/api/notes/1/2",
        "/api",
        "/api/x",
    ] {
        app.get(ACME, path).await.expect_error(404, "nothing here");
    }
}

async fn a_route_says_which_methods_it_has(framework: Framework) {
    let app = TestApp::start(framework).await;
    app.post(ACME, "/api/notes", &json!({"title": "Anvils"}))
        .await
        .expect(201);
    for (path, allow) in [
        ("/", "GET,HEAD"),
        ("/notes", "GET,HEAD,POST"),
        ("/notes/1/delete", "POST"),
        ("/style.css", "GET,HEAD"),
        ("/api/notes", "GET,HEAD,POST"),
        ("/api/notes/1", "GET,HEAD,PUT,DELETE"),
        ("/api/plans", "GET,HEAD"),
    ] {
        let patch = app.request(Method::PATCH, ACME, path);
        let answer = Answer::to(patch).await.expect(405);
        assert_eq!(answer.header("allow"), allow, "{path}");
        if !allow.contains("HEAD") {
            continue;
        }
        let head = Answer::to(app.request(Method::HEAD, ACME, path))
            .await
            .expect(200);
        let get = app.get(ACME, path).await.expect(200);
        assert_eq!(head.text, "");
        for name in [
            "content-type",
            "content-length",
            "cache-control",
            "content-security-policy",
        ] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
            assert_ne!(get.header(name), "", "{name} of {path}");
        }
    }
}

async fn plans_are_shared_and_counted_for_each_tenant(framework: Framework) {
    let app = TestApp::start(framework).await;
    for plan in ["team", "team", "free"] {
        let note = json!({"title": "Anvils", "plan": plan});
        app.post(ACME, "/api/notes", &note).await.expect(201);
    }

    let plans = app.get(ACME, "/api/plans").await.expect(200).json();
    assert_eq!(plans, app.get(GLOBEX, "/api/plans").await.expect(200).json());
    for key in ["code", "name", "price_cents", "max_notes"] {
        assert!(!plans[0][key].is_null(), "{plans}");
    }
    assert_eq!(count(&app, ACME, "team").await, 2);
    assert_eq!(count(&app, ACME, "free").await, 1);
    assert_eq!(count(&app, GLOBEX, "team").await, 0);
}

async fn count(app: &TestApp, host: &str, plan: &str) -> Value {
    let stats = app.get(host, "/api/stats").await.expect(200).json();
    let rows = stats.as_array().expect("rows");
    let row = rows.iter().find(|row| row["plan"] == plan).expect("the plan");
    row["notes"].clone()
}

async fn whoami_tells_the_tenant(framework: Framework) {
    let app = TestApp::start(framework).await;
    assert_eq!(
        app.get(GLOBEX, "/api/whoami").await.expect(200).json(),
        json!({"tenant": "globex", "name": "Globex", "domain": GLOBEX})
    );
}

//! The operator's page.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use serde_json::json;

use super::{ACME, Answer, Framework, GLOBEX, MAIN, TestApp};

on_each_framework!(
    without_a_token_the_page_does_not_exist,
    only_the_token_leads_to_the_page,
    a_status_is_changed_for_the_next_request,
    a_tenant_is_created,
    who_is_behind_comes_first,
    who_failed_comes_first,
    the_page_does_not_wait_for_a_locked_table,
    what_people_write_is_escaped,
);

const TOKEN: &str = "correct-horse-42";
const PAGES: [(&str, &str); 4] = [
    ("GET", "/operator"),
    ("GET", "/operator?find=acme"),
    ("POST", "/operator/tenants"),
    ("POST", "/operator/tenants/acme"),
];

impl TestApp {
    /// Builds a request of the operator to the main site.
    fn operator(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, MAIN, path)
            .basic_auth("operator", Some(TOKEN))
    }

    async fn operator_page(&self, path: &str) -> String {
        Answer::to(self.operator(Method::GET, path))
            .await
            .expect(200)
            .text
    }

    async fn operate(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        Answer::to(self.operator(Method::POST, path).form(fields)).await
    }

    /// Returns the schemas in the list of tenants, in its order.
    async fn listed(&self, path: &str) -> Vec<String> {
        let page = self.operator_page(path).await;
        let items = page.split("id=\"tenant-").skip(1);
        items
            .filter_map(|item| Some(item.split_once('"')?.0.to_owned()))
            .collect()
    }
}

async fn without_a_token_the_page_does_not_exist(framework: Framework) {
    let app = TestApp::start(framework).await;
    for (method, path) in PAGES {
        let request = app.operator(method.parse().expect("a method"), path);
        let answer = Answer::to(request).await.expect(404);
        assert!(answer.text.contains("This page does not exist"), "{answer:?}");
        assert_eq!(answer.header("www-authenticate"), "");
    }
}

async fn only_the_token_leads_to_the_page(framework: Framework) {
    let app = TestApp::start_with_operator(framework, TOKEN).await;
    for (method, path) in PAGES {
        let request = || app.request(method.parse().expect("a method"), MAIN, path);
        for request in [
            request(),
            request().basic_auth("operator", Some("correct-horse-43")),
            request().basic_auth("operator", None::<&str>),
            request().basic_auth("root", Some(TOKEN)),
            request().bearer_auth(TOKEN),
            request().header("authorization", "Basic"),
        ] {
            let answer = Answer::to(request).await.expect(401);
            assert!(answer.header("www-authenticate").starts_with("Basic "));
            assert!(!answer.text.contains("globex"), "{answer:?}");
        }
    }
    for host in [ACME, GLOBEX] {
        let request = app.request(Method::GET, host, "/operator");
        Answer::to(request.basic_auth("operator", Some(TOKEN)))
            .await
            .expect(404);
    }

    let page = app.operator_page("/operator").await;
    for part in [
        "2 in all, none behind",
        "Acme",
        ACME,
        "Globex",
        "m20260101_000001_create_note",
        "up to date",
    ] {
        assert!(page.contains(part), "no {part}: {page}");
    }
    assert!(!page.contains("<script") && !page.contains("style="), "{page}");
    assert!(page.contains(" kB</dd>"), "a schema has a size: {page}");
    assert_eq!(app.listed("/operator?find=GLOB").await, ["globex"]);
    assert_eq!(app.listed("/operator?find=acme.local").await, ["acme"]);
    assert_eq!(app.listed("/operator?find=nobody").await, [""; 0]);
}

async fn a_status_is_changed_for_the_next_request(framework: Framework) {
    let app = TestApp::start_with_operator(framework, TOKEN).await;
    app.get(ACME, "/api/notes").await.expect(200);
    for (status, expected) in [
        ("suspended", 403),
        ("active", 200),
        ("maintenance", 503),
        ("suspended", 403),
        ("active", 200),
    ] {
        let answer = app
            .operate("/operator/tenants/acme", &[("status", status)])
            .await
            .expect(303);
        assert_eq!(answer.header("location"), "/operator#tenant-acme");
        app.get(ACME, "/api/notes").await.expect(expected);
        app.get(GLOBEX, "/api/notes").await.expect(200);
        let page = app.operator_page("/operator").await;
        assert!(page.contains(&format!("status-{status}\">{status}<")), "{page}");
    }

    let wrong = [
        ("nobody", "suspended", 404, "there is no tenant nobody"),
        // The main site would be gone, and this page with it.
        ("public", "suspended", 404, "does not exist"),
        ("a%20b", "suspended", 404, "does not exist"),
        ("acme", "archived", 422, "cannot be set to archived here"),
        ("acme", "gone", 422, ""),
        ("acme", "", 422, ""),
    ];
    for (schema, status, expected, reason) in wrong {
        let path = format!("/operator/tenants/{schema}");
        let answer = app.operate(&path, &[("status", status)]).await.expect(expected);
        assert!(answer.text.contains(reason), "{}", answer.text);
    }
    app.operate("/operator/tenants/acme", &[]).await.expect(422);
    app.operate("/operator/tenants/acme", &[("status", "suspended")])
        .await
        .expect(303);
    let answer = app
        .operate("/operator/tenants/acme", &[("status", "maintenance")])
        .await
        .expect(409);
    assert!(answer.text.contains("resume it first"), "{}", answer.text);

    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://globex.localhost"),
    ] {
        let request = app
            .operator(Method::POST, "/operator/tenants/globex")
            .header(name, value);
        Answer::to(request.form(&[("status", "suspended")]))
            .await
            .expect(403);
    }
    app.get(GLOBEX, "/").await.expect(200);
}

async fn a_tenant_is_created(framework: Framework) {
    let app = TestApp::start_with_operator(framework, TOKEN).await;
    let fields = [
        ("name", "Initech"),
        ("schema", "initech"),
        ("domain", "notes.initech.example"),
    ];
    let answer = app.operate("/operator/tenants", &fields).await.expect(303);
    assert_eq!(answer.header("location"), "/operator#tenant-initech");
    app.get("notes.initech.example", "/").await.expect(200);
    app.operate(
        "/operator/tenants",
        &[("name", "Hooli"), ("schema", "hooli"), ("domain", "")],
    )
    .await
    .expect(303);
    app.get("hooli.localhost", "/").await.expect(200);

    let fields = [("name", "Typed & kept"), ("schema", "acme"), ("domain", "")];
    let page = app.operate("/operator/tenants", &fields).await.expect(409).text;
    assert!(page.contains("This short name is taken"), "{page}");
    assert!(
        page.contains("value=\"Typed &#38; kept\"") && page.contains("<details class=\"card form\" open>")
    );
    let fields = [("name", "Acme"), ("schema", "acme2"), ("domain", ACME)];
    let page = app.operate("/operator/tenants", &fields).await.expect(409).text;
    assert!(page.contains("This address is taken"), "{page}");
    assert_eq!(
        app.listed("/operator").await,
        ["acme", "globex", "hooli", "initech"]
    );
}

async fn who_is_behind_comes_first(framework: Framework) {
    let app = TestApp::start_with_operator(framework, TOKEN).await;
    app.database
        .execute("UPDATE public.tenants SET version = NULL WHERE schema_name = 'globex'")
        .await;
    let page = app.operator_page("/operator").await;
    for part in ["1 behind", "no migration yet", "bar-behind", "bar-current"] {
        assert!(page.contains(part), "no {part}: {page}");
    }
    assert_eq!(app.listed("/operator").await, ["globex", "acme"]);
    app.database
        .execute("UPDATE public.tenants SET version = 'm2100_later' WHERE schema_name = 'globex'")
        .await;
    let page = app.operator_page("/operator").await;
    assert!(
        page.contains("none behind") && page.contains("newer than this program"),
        "{page}"
    );
}

/// A migration may hold the lock that measuring a table needs.
async fn who_failed_comes_first(framework: Framework) {
    let app = TestApp::start_with_operator(framework, TOKEN).await;
    app.database
        .execute(
            r#"UPDATE public.tenants SET migration_failure = '{"at": "2026-11-29T16:11:41+00:00",
                "migration": "m2", "error": "m2 could not be applied: <script>"}' WHERE schema_name = 'globex'"#,
        )
        .await;
    assert_eq!(app.listed("/operator").await, ["globex", "acme"]);
    let page = app.operator_page("/operator").await;
    let text = "at 2026-11-29 16:11:41 UTC: m2 could not be applied: &#60;script&#62;";
    assert!(page.contains(text), "{page}");
    assert_eq!(page.matches("The last migration failed").count(), 1, "{page}");
    app.database
        .execute("UPDATE public.tenants SET migration_failure = NULL")
        .await;
    assert!(
        !app.operator_page("/operator")
            .await
            .contains("The last migration failed")
    );
    // A catalog from before there were failures.
    app.database
        .execute("ALTER TABLE public.tenants DROP COLUMN migration_failure")
        .await;
    assert_eq!(app.listed("/operator").await, ["acme", "globex"]);
}

async fn the_page_does_not_wait_for_a_locked_table(framework: Framework) {
    let app = TestApp::start_with_operator(framework, TOKEN).await;
    let db = app.database.connect().await;
    let migration = db.begin().await.expect("begin");
    let lock = "LOCK TABLE acme.note IN ACCESS EXCLUSIVE MODE";
    migration.execute_unprepared(lock).await.expect("a lock");
    let page = app.operator_page("/operator");
    let page = tokio::time::timeout(Duration::from_secs(20), page)
        .await
        .expect("a page");
    assert!(page.contains("unknown</dd>") && page.contains("Acme"), "{page}");
    migration.rollback().await.expect("rollback");
    db.close().await.expect("close");
    assert!(!app.operator_page("/operator").await.contains("unknown</dd>"));
}

async fn what_people_write_is_escaped(framework: Framework) {
    let app = TestApp::start_with_operator(framework, TOKEN).await;
    let script = "</h2><script>alert(1)</script>\" onfocus=\"alert(2)";
    let new = json!({"schema": "initech", "name": script});
    app.post(MAIN, "/api/tenants", &new).await.expect(201);
    for path in [
        "/operator".to_owned(),
        "/operator?find=%22onfocus%3D%3Cscript%3E".to_owned(),
    ] {
        let page = Answer::to(app.operator(Method::GET, &path)).await.expect(200);
        assert!(
            !page.text.contains("<script") && !page.text.contains("\"onfocus"),
            "{}",
            page.text
        );
        assert!(
            page.header("content-security-policy")
                .starts_with("default-src 'none'")
        );
        assert_eq!(page.header("cache-control"), "private, no-cache");
    }
}

//! Sign-up by the API and by the form.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ACME, Answer, Framework, GLOBEX, MAIN, TestApp};

on_each_framework!(
    tenants_are_listed_without_the_main_site,
    a_new_tenant_works_at_once,
    without_a_domain_a_tenant_is_below_the_main_site,
    a_taken_name_or_domain_is_a_conflict,
    a_tenant_that_breaks_a_rule_is_refused_with_the_reason,
    two_at_once_cannot_get_the_same_name,
    the_form_leads_to_the_new_site,
    the_form_comes_back_with_the_reason_and_what_was_typed,
    another_sites_page_cannot_send_forms,
);

async fn tenants_are_listed_without_the_main_site(framework: Framework) {
    let app = TestApp::start(framework).await;
    assert_eq!(
        app.get(MAIN, "/api/tenants").await.expect(200).json(),
        json!([
            {"schema": "acme", "name": "Acme", "domain": ACME, "status": "active"},
            {"schema": "globex", "name": "Globex", "domain": GLOBEX, "status": "active"},
        ])
    );
}

async fn a_new_tenant_works_at_once(framework: Framework) {
    let app = TestApp::start(framework).await;
    let host = "notes.initech.example";
    app.get(host, "/").await.expect(404);

    let new = json!({"schema": "initech", "name": "Initech", "domain": "Notes.Initech.example"});
    let created = app.post(MAIN, "/api/tenants", &new).await.expect(201).json();
    assert_eq!(
        created,
        json!({"schema": "initech", "name": "Initech", "domain": host, "status": "active"})
    );
    let tenants = app.get(MAIN, "/api/tenants").await.expect(200).json();
    assert!(
        tenants.as_array().expect("tenants").contains(&created),
        "{tenants}"
    );

    let who = app.get(host, "/api/whoami").await.expect(200).json();
    assert_eq!(
        who,
        json!({"tenant": "initech", "name": "Initech", "domain": host})
    );
    assert_eq!(app.get(host, "/api/notes").await.expect(200).text, "[]");
    app.post(host, "/api/notes", &json!({"title": "Staplers", "plan": "team"}))
        .await
        .expect(201);
    assert_eq!(app.get(ACME, "/api/notes").await.expect(200).text, "[]");
}

async fn without_a_domain_a_tenant_is_below_the_main_site(framework: Framework) {
    let app = TestApp::start(framework).await;
    for new in [
        json!({"schema": "initech", "name": "Initech"}),
        json!({"schema": "hooli", "name": "Hooli", "domain": null}),
        json!({"schema": "Piper", "name": "Pied Piper", "domain": ""}),
    ] {
        let domain = app.post(MAIN, "/api/tenants", &new).await.expect(201).json()["domain"].clone();
        let domain = domain.as_str().expect("a domain");
        assert_eq!(
            domain,
            format!(
                "{}.localhost",
                new["schema"].as_str().expect("text").to_lowercase()
            )
        );
        app.get(domain, "/").await.expect(200);
    }
}

async fn a_taken_name_or_domain_is_a_conflict(framework: Framework) {
    let app = TestApp::start(framework).await;
    for (new, reason) in [
        (
            tenant("acme", "acme2.localhost"),
            "schema: This short name is taken",
        ),
        (
            tenant("ACME", "acme2.localhost"),
            "schema: This short name is taken",
        ),
        (tenant("acme2", "acme.localhost"), "domain: This address is taken"),
        (
            tenant("acme2", "ACME.localhost.:80"),
            "domain: This address is taken",
        ),
        (tenant("acme2", "localhost"), "domain: This address is taken"),
    ] {
        app.post(MAIN, "/api/tenants", &new)
            .await
            .expect_error(409, reason);
    }
    app.get("acme2.localhost", "/").await.expect(404);
    // The refused sign-up left nothing behind, so the name is available.
    app.post(MAIN, "/api/tenants", &tenant("acme2", "acme2.localhost"))
        .await
        .expect(201);
}

async fn a_tenant_that_breaks_a_rule_is_refused_with_the_reason(framework: Framework) {
    let app = TestApp::start(framework).await;
    for (new, reason) in [
        (tenant("", "x.localhost"), "schema: Choose a short name"),
        (tenant("a b", "x.localhost"), "schema: Use letters"),
        (tenant("bücher", "x.localhost"), "schema: Use letters"),
        (
            tenant("\"; DROP SCHEMA acme; --", "x.localhost"),
            "schema: Use letters",
        ),
        (tenant(&"a".repeat(64), "x.localhost"), "schema:"),
        (
            tenant("public", "x.localhost"),
            "schema: This short name is reserved",
        ),
        (
            tenant("PUBLIC", "x.localhost"),
            "schema: This short name is reserved",
        ),
        (
            tenant("pg_toast", "x.localhost"),
            "schema: This short name is reserved",
        ),
        (
            tenant("information_schema", "x.localhost"),
            "schema: This short name is reserved",
        ),
        (tenant("initech", "not a host"), "domain:"),
        (tenant("initech", "bücher.example"), "domain:"),
        (
            json!({"schema": "in_itech", "name": "Initech"}),
            "schema: This cannot be part of a web address",
        ),
        (
            json!({"schema": "initech", "name": " "}),
            "name: What is the company called?",
        ),
        (
            json!({"schema": "initech", "name": "x".repeat(101)}),
            "name: This is longer",
        ),
        (
            json!({"schema": "initech", "name": "a\0b"}),
            "name: This has a character",
        ),
        (json!({"schema": "initech"}), "name"),
        (json!({"name": "Initech"}), "schema"),
        (json!([]), ""),
    ] {
        app.post(MAIN, "/api/tenants", &new)
            .await
            .expect_error(422, reason);
    }
    let tenants = app.get(MAIN, "/api/tenants").await.expect(200).json();
    assert_eq!(tenants.as_array().map(Vec::len), Some(2), "{tenants}");
}

fn tenant(schema: &str, domain: &str) -> Value {
    json!({"schema": schema, "name": "Another", "domain": domain})
}

async fn two_at_once_cannot_get_the_same_name(framework: Framework) {
    let app = TestApp::start(framework).await;
    let (one, other) = (
        tenant("initech", "one.localhost"),
        tenant("initech", "other.localhost"),
    );
    let (one, other) = tokio::join!(
        app.post(MAIN, "/api/tenants", &one),
        app.post(MAIN, "/api/tenants", &other)
    );
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

async fn the_form_leads_to_the_new_site(framework: Framework) {
    let app = TestApp::start(framework).await;
    let fields = [("name", "Initech & Sons"), ("schema", "initech")];
    let answer = app.submit(MAIN, "/signup", &fields).await.expect(303);
    let port = app.address().port();
    assert_eq!(
        answer.header("location"),
        format!("http://initech.localhost:{port}/")
    );

    let page = app.get("initech.localhost", "/").await.expect(200).text;
    assert!(page.contains("Initech &#38; Sons"), "{page}");
    let landing = app.get(MAIN, "/").await.expect(200).text;
    assert!(
        landing.contains(&format!("href=\"http://initech.localhost:{port}/\"")),
        "{landing}"
    );
}

async fn the_form_comes_back_with_the_reason_and_what_was_typed(framework: Framework) {
    let app = TestApp::start(framework).await;
    for (schema, status, reason) in [
        ("acme", 409, "This short name is taken"),
        ("public", 422, "This short name is reserved"),
        ("a&quot;b", 422, "Use letters, digits and hyphens"),
    ] {
        let fields = [("name", "My \"<b>Company"), ("schema", schema)];
        let page = app.submit(MAIN, "/signup", &fields).await.expect(status).text;
        assert!(page.contains(reason), "{page}");
        assert!(page.contains("value=\"My &#34;&#60;b&#62;Company\""), "{page}");
        assert!(page.contains("aria-invalid=\"true\""), "{page}");
    }
    app.submit(MAIN, "/signup", &[("name", "Initech")])
        .await
        .expect(422);
    app.get(MAIN, "/signup").await.expect(200);
}

async fn another_sites_page_cannot_send_forms(framework: Framework) {
    let app = TestApp::start(framework).await;
    for (host, path) in [
        (MAIN, "/signup"),
        (MAIN, "/api/tenants"),
        (ACME, "/notes"),
        (ACME, "/api/notes"),
    ] {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "http://globex.localhost"),
            ("origin", "null"),
        ] {
            let request = app.request(Method::POST, host, path).header(name, value);
            let fields = [("name", "Initech"), ("schema", "initech"), ("title", "Anvils")];
            Answer::to(request.form(&fields)).await.expect(403);
        }
    }
    let origin = format!("http://{ACME}:{}", app.address().port());
    let request = app.request(Method::POST, ACME, "/notes").header("origin", origin);
    Answer::to(request.form(&[("title", "Anvils")])).await.expect(303);
}

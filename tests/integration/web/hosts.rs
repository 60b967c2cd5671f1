//! Resolution of the request's host to a tenant.

use reqwest::Method;
use serde_json::json;

use super::{ACME, Answer, Framework, GLOBEX, MAIN, TestApp};

on_each_framework!(
    an_unknown_host_is_not_found_and_not_repeated,
    each_spelling_of_a_host_leads_to_its_tenant,
    a_malformed_host_is_a_bad_request,
    the_target_of_a_request_to_a_proxy_decides,
    what_a_client_says_about_forwarding_is_not_believed,
    the_main_site_and_the_tenants_have_routes_of_their_own,
);

async fn an_unknown_host_is_not_found_and_not_repeated(framework: Framework) {
    let app = TestApp::start(framework).await;
    let mut bodies = Vec::new();
    for host in [
        "nobody.localhost",
        "xn--bcher-kva.localhost",
        "evilacme.localhost",
        "127.0.0.1",
    ] {
        for path in ["/", "/api/notes", "/api/tenants", "/style.css"] {
            let answer = app.get(host, path).await.expect(404);
            assert!(!answer.text.contains(host), "{answer:?}");
            assert!(!format!("{:?}", answer.headers).contains(host), "{answer:?}");
            bodies.push(answer.text);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

async fn each_spelling_of_a_host_leads_to_its_tenant(framework: Framework) {
    let app = TestApp::start(framework).await;
    for host in [
        "acme.localhost",
        "ACME.LocalHost",
        "acme.localhost.",
        "acme.localhost:1",
    ] {
        let request = format!("GET /api/whoami HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let (status, body) = app.raw(&request).await;
        assert_eq!(status, 200, "{host}");
        assert!(body.contains(r#""tenant":"acme""#), "{body}");
    }
}

async fn a_malformed_host_is_a_bad_request(framework: Framework) {
    let app = TestApp::start(framework).await;
    let mut requests = vec![
        "GET / HTTP/1.1\r\n".to_owned(),
        "GET / HTTP/1.0\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: acme.localhost\r\nHost: acme.localhost\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: acme.localhost\r\nHost: globex.localhost\r\n".to_owned(),
        "GET http://acme.localhost/ HTTP/1.1\r\n".to_owned(),
        "GET http://globex.localhost/ HTTP/1.1\r\nHost: acme.localhost\r\n".to_owned(),
        "GET http://acme.localhost@globex.localhost/ HTTP/1.1\r\nHost: globex.localhost\r\n".to_owned(),
    ];
    for host in [
        "",
        "acme.localhost, globex.localhost",
        "acme.localhost:port",
        "acme.localhost:99999",
        "acme..localhost",
        "x@acme.localhost",
        "acme.localhost/",
        "acme_.localhost",
        "<script>",
        "[::1]",
    ] {
        requests.push(format!("GET / HTTP/1.1\r\nHost: {host}\r\n"));
    }
    for request in requests {
        let (status, body) = app.raw(&format!("{request}Connection: close\r\n\r\n")).await;
        assert_eq!(status, 400, "{request:?}: {body}");
        assert!(
            !body.contains("localhost") && !body.contains('<'),
            "{request:?}: {body}"
        );
    }
}

async fn the_target_of_a_request_to_a_proxy_decides(framework: Framework) {
    let app = TestApp::start(framework).await;
    let request = "GET http://globex.localhost:80/api/whoami HTTP/1.1\r\nHost: globex.localhost\r\nConnection: close\r\n\r\n";
    let (status, body) = app.raw(request).await;
    assert_eq!(status, 200, "{body}");
    assert!(body.contains(r#""tenant":"globex""#), "{body}");
}

async fn what_a_client_says_about_forwarding_is_not_believed(framework: Framework) {
    let app = TestApp::start(framework).await;
    for (header, value) in [
        ("x-forwarded-host", GLOBEX),
        ("x-host", GLOBEX),
        ("x-tenant", "globex"),
        ("x-original-host", GLOBEX),
        ("forwarded", "host=globex.localhost"),
    ] {
        let request = app
            .request(Method::GET, ACME, "/api/whoami")
            .header(header, value);
        let tenant = Answer::to(request).await.expect(200).json()["tenant"].clone();
        assert_eq!(tenant, "acme", "{header}");
        let request = app
            .request(Method::GET, "nobody.localhost", "/api/whoami")
            .header(header, value);
        Answer::to(request).await.expect(404);
    }
}

async fn the_main_site_and_the_tenants_have_routes_of_their_own(framework: Framework) {
    let app = TestApp::start(framework).await;
    for path in [
        "/api/notes",
        "/api/notes/1",
        "/api/plans",
        "/api/stats",
        "/api/whoami",
    ] {
        app.get(MAIN, path).await.expect_error(404, "nothing here");
    }
    app.get(ACME, "/api/tenants")
        .await
        .expect_error(404, "nothing here");
    let new = json!({"schema": "initech", "name": "Initech"});
    app.post(ACME, "/api/tenants", &new)
        .await
        .expect_error(404, "nothing here");
    app.submit(ACME, "/signup", &[("schema", "initech"), ("name", "Initech")])
        .await
        .expect(404);
    app.submit(MAIN, "/notes", &[("title", "Anvils")])
        .await
        .expect(404);
}

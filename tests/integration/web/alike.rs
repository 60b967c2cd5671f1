//! The same requests to both frameworks get the same answers.

use serde_json::json;

use super::{ACME, Answer, Framework, MAIN, TestApp};

const OPERATOR: &str = "operator.localhost";

/// Method, host and path of requests.
const REQUESTS: [(&str, &str, &str); 33] = [
    ("GET", MAIN, "/"),
    ("GET", MAIN, "/signup"),
    ("GET", MAIN, "/x"),
    ("GET", MAIN, "/style.css"),
    ("GET", MAIN, "/icon.svg"),
    ("GET", MAIN, "/api/tenants"),
    ("GET", MAIN, "/api/notes"),
    ("GET", MAIN, "/operator"),
    ("PATCH", MAIN, "/operator"),
    ("POST", MAIN, "/operator/tenants"),
    ("POST", MAIN, "/signup"),
    ("POST", MAIN, "/api/tenants"),
    ("PUT", MAIN, "/signup"),
    ("GET", ACME, "/"),
    ("GET", ACME, "/?x=%FF"),
    ("GET", ACME, "//"),
    ("GET", ACME, "/notes"),
    ("GET", ACME, "/notes/"),
    ("GET", ACME, "/notes/1"),
    ("GET", ACME, "/notes/%31"),
    ("GET", ACME, "/notes/%FF"),
    ("GET", ACME, "/notes/1/edit"),
    ("GET", ACME, "/notes/1/delete"),
    ("GET", ACME, "/operator"),
    ("OPTIONS", ACME, "/api/notes"),
    ("GET", ACME, "/api"),
    ("GET", ACME, "/apis"),
    ("GET", ACME, "/api/notes/1"),
    ("GET", ACME, "/api/notes/1.5"),
    ("DELETE", ACME, "/api/notes/2"),
    ("POST", ACME, "/notes/2/delete"),
    ("GET", ACME, "/api/stats"),
    ("GET", OPERATOR, "/"),
];

#[tokio::test]
async fn both_frameworks_answer_alike() {
    let axum = answers(Framework::Axum).await;
    let actix = answers(Framework::Actix).await;
    let differences: Vec<_> = axum
        .iter()
        .zip(&actix)
        .filter(|(axum, actix)| axum != actix)
        .collect();
    assert!(differences.is_empty(), "{differences:#?}");
}

/// Returns the answers without what differs between two servers: the port, and the time of a note.
async fn answers(framework: Framework) -> Vec<String> {
    let app = TestApp::start_with_operator(framework, "correct-horse-42").await;
    app.post(ACME, "/api/notes", &json!({"title": "Anvils"}))
        .await
        .expect(201);
    app.database
        .execute("UPDATE acme.note SET created_at = '2026-01-01 00:00:00+00'")
        .await;
    let port = format!(":{}", app.address().port());
    let mut answers = Vec::new();
    for (method, host, path) in REQUESTS {
        for (header, value) in [("accept", "*/*"), ("sec-fetch-site", "cross-site")] {
            let request = app.request(method.parse().expect("a method"), host, path);
            let answer = Answer::to(request.header(header, value)).await;
            let text = format!("{method} {host}{path} {header}: {value}\n{}", summary(&answer));
            answers.push(text.replace(&port, ":PORT"));
        }
    }
    answers
}

fn summary(answer: &Answer) -> String {
    let names = answer.headers.keys().map(reqwest::header::HeaderName::as_str);
    // `Date` is the server's. With axum, `Allow` is in other refusals of a method, too.
    let is_compared = |name: &&str| *name != "date" && (*name != "allow" || answer.status == 405);
    let mut headers: Vec<_> = names
        .filter(is_compared)
        .map(|name| format!("{name}: {}", answer.header(name)))
        .collect();
    headers.sort();
    format!("{}\n{}\n{}", answer.status, headers.join("\n"), answer.text)
}

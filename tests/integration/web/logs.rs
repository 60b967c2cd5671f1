//! Log lines of requests.

use serde_json::{Value, json};
use tracing::Level;

use super::{ACME, Framework, GLOBEX, TestApp};
use crate::log_lines::{LogLines, message};

on_each_framework!(each_line_has_the_tenant);

/// Each log line of a request has the tenant's schema. The subscriber is that of the test's thread and of the server.
async fn each_line_has_the_tenant(framework: Framework) {
    let lines = LogLines::default();
    let _collecting = lines.collect(Level::INFO);
    let app = TestApp::start(framework).await;
    lines.take();
    for (host, schema) in [(ACME, "acme"), (GLOBEX, "globex")] {
        app.get(host, "/api/notes?secret").await.expect(200);
        app.post(host, "/api/notes", &json!({"title": ""}))
            .await
            .expect(422);
        app.database.execute(&format!("DROP TABLE {schema}.note")).await;
        app.get(host, "/api/notes").await.expect_error(500, "went wrong");
        expect(
            &lines,
            schema,
            &[
                "answered 200",
                "answered 422",
                "a request failed ",
                "answered 500",
            ],
        );
    }
}

/// Removes the application's lines so far, and checks their text and their tenant.
fn expect(lines: &LogLines, schema: &str, expected: &[&str]) {
    let lines = lines.take();
    assert!(!lines.iter().any(|line| line.to_string().contains("secret")));
    // Nothing else says anything for a request.
    assert!(lines.iter().all(is_of_the_application), "{lines:?}");
    assert_eq!(lines.iter().map(summary).collect::<Vec<_>>(), expected);
    for line in lines {
        let span = &line["spans"][0];
        assert_eq!(
            (&span["name"], &span["tenant.schema"]),
            (&json!("tenant"), &json!(schema)),
            "{line}"
        );
        assert!(span["tenant.id"].is_i64(), "{line}");
    }
}

fn is_of_the_application(line: &Value) -> bool {
    let target = line["target"].as_str();
    target.is_some_and(|target| target.starts_with("example_app"))
}

fn summary(line: &Value) -> String {
    let fields = &line["fields"];
    let message = message(line);
    let status = fields["status"]
        .as_u64()
        .map_or_else(String::new, |status| status.to_string());
    format!("{message} {status}")
}

//! Log lines of requests.

use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tracing::{Dispatch, subscriber::NoSubscriber};
use tracing_subscriber::fmt::MakeWriter;

use super::{ACME, Framework, GLOBEX, TestApp};

on_each_framework!(each_line_has_the_tenant);

/// Each log line of a request has the tenant's schema. The subscriber is that of the test's thread and of the server.
async fn each_line_has_the_tenant(framework: Framework) {
    // With one dispatcher in the process, the first thread that reaches a log line decides for all threads if the line is
    // enabled: https://github.com/tokio-rs/tracing/issues/3611
    let _second = Dispatch::new(NoSubscriber::new());
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_writer(lines.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let app = TestApp::start(framework).await;
    for (host, schema) in [(ACME, "acme"), (GLOBEX, "globex")] {
        app.get(host, "/api/notes?secret").await.expect(200);
        app.post(host, "/api/notes", &json!({"title": ""}))
            .await
            .expect(422);
        app.database.execute(&format!("DROP TABLE {schema}.note")).await;
        app.get(host, "/api/notes").await.expect_error(500, "went wrong");
        lines.expect(
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

#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Removes the application's lines so far, and checks their text and their tenant.
    fn expect(&self, schema: &str, expected: &[&str]) {
        let text = std::mem::take(&mut *self.0.lock().expect("no panic"));
        let text = String::from_utf8(text).expect("text");
        assert!(!text.contains("secret"), "{text}");
        let lines = text.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        let lines: Vec<Value> = lines.filter(is_of_the_application).collect();
        assert_eq!(lines.iter().map(summary).collect::<Vec<_>>(), expected);
        for line in lines {
            assert_eq!(
                line["spans"][0],
                json!({"name": "tenant", "schema": schema}),
                "{line}"
            );
        }
    }
}

fn is_of_the_application(line: &Value) -> bool {
    let target = line["target"].as_str();
    target.is_some_and(|target| target.starts_with("example_app"))
}

fn summary(line: &Value) -> String {
    let fields = &line["fields"];
    let message = fields["message"].as_str().expect("a message");
    let status = fields["status"]
        .as_u64()
        .map_or_else(String::new, |status| status.to_string());
    format!("{message} {status}")
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

//! A PostgreSQL server for one test alone.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdin, Command, Stdio},
};

/// A server of a test that would get in the way of others on theirs, such as by taking all locks that there are. It is
/// made by `scripts/with-postgres`, and ends with this value.
#[derive(Debug)]
pub struct TestServer {
    url: String,
    script: Child,
    input: Option<ChildStdin>,
}

impl TestServer {
    /// Starts one with default settings.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/with-postgres");
        let mut script = Command::new(script)
            .args(["sh", "-c", "echo \"$DATABASE_URL\"; read -r end"])
            .env_remove("DATABASE_URL")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/with-postgres");
        let mut url = String::new();
        let output = script.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut url).expect("the URL");
        Self {
            url: url.trim().to_owned(),
            input: script.stdin.take(),
            script,
        }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // The command reads the end of its input, and ends.
        self.input = None;
        let _ = self.script.wait();
    }
}

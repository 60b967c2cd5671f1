//! [`LogLines`]: the log lines of a test.

use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tracing::{Dispatch, Level, dispatcher::DefaultGuard, subscriber::NoSubscriber};
use tracing_subscriber::fmt::MakeWriter;

/// The log lines of a test, as JSON. The test runs on one thread, since the subscriber is thread-local.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogLines(Arc<Mutex<Vec<u8>>>);

/// Collects lines until it is dropped.
pub(crate) struct Collecting {
    _guard: DefaultGuard,
    _second: Dispatch,
}

impl LogLines {
    /// Begins to collect the lines of a level and of all more important ones.
    pub(crate) fn collect(&self, level: Level) -> Collecting {
        // With one dispatcher in the process, the first thread that reaches a log line decides for all threads if the
        // line is enabled: https://github.com/tokio-rs/tracing/issues/3611
        let second = Dispatch::new(NoSubscriber::new());
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(level)
            .with_writer(self.clone())
            .finish();
        Collecting {
            _guard: tracing::subscriber::set_default(subscriber),
            _second: second,
        }
    }

    /// Removes the lines so far.
    pub(crate) fn take(&self) -> Vec<Value> {
        let text = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(text).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// Returns the message of a line.
pub(crate) fn message(line: &Value) -> &str {
    line["fields"]["message"].as_str().unwrap_or_default()
}

impl io::Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogLines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

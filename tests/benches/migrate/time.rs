//! Times.

use std::time::{Duration, Instant};

/// How long something takes.
pub(crate) async fn time<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    let result = work.await;
    (result, begun.elapsed())
}

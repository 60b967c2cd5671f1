//! Measuring time.

use std::time::{Duration, Instant};

/// Returns the output of `work`, and the time that it took.
pub(crate) async fn time<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    let result = work.await;
    (result, begun.elapsed())
}

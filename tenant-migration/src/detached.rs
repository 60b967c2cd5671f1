//! Runs what must not stop half-way in a task of its own.

use std::future::Future;

use tracing::Instrument;

/// The runtime shut down before the work was done.
pub(crate) struct ShutDown;

/// Runs `work` to its end, even if the caller's future is dropped before.
///
/// sqlx 0.9.0 leaves an open transaction in the pool when a future that begins or ends one is dropped
/// (<https://github.com/transact-rs/sqlx/issues/4393>).
pub(crate) async fn detached<T, F>(work: F) -> Result<T, ShutDown>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return Ok(work.await);
    };
    match runtime.spawn(work.in_current_span()).await {
        Ok(done) => Ok(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(ShutDown),
    }
}

//! [`detached`]: runs a future to its end in a task of its own.

use std::future::Future;

use sea_orm::DbErr;
use tracing::Instrument;

/// The runtime shut down before the work was done.
#[derive(Debug)]
pub struct ShutDown;

/// Runs `work` to its end, even if the caller's future is dropped before.
///
/// sqlx 0.9.0 counts a transaction as open only after the reply to BEGIN, and as closed only after the reply to COMMIT;
/// a future dropped in between leaves its count wrong, and an open transaction in the pool
/// (<https://github.com/transact-rs/sqlx/issues/4393>). If the caller is gone, the result of `work` is dropped, which
/// rolls a transaction back.
///
/// Without a tokio runtime, as with a `MockDatabase`, `work` runs in the caller.
///
/// # Errors
/// [`ShutDown`], if the runtime did not run the work to its end.
pub async fn detached<T, F>(work: F) -> Result<T, ShutDown>
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

impl From<ShutDown> for DbErr {
    fn from(_: ShutDown) -> Self {
        Self::Custom("the runtime shut down while a transaction began or ended".to_owned())
    }
}

//! Runs what must not stop half-way in a task of its own.

use std::{future::Future, pin::pin, time::Duration};

use futures_util::future::{Either, select};
use sea_orm::DbErr;
use tokio::sync::oneshot;
use tracing::Instrument;

/// How long work that waits for the server goes on after its caller has gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// The runtime shut down before the work was done.
#[derive(Debug)]
pub struct ShutDown;

/// Runs `work` to its end, even if the caller's future is dropped before.
///
/// sqlx 0.9.0 counts a transaction as open only after the reply to BEGIN, and as closed only after the
/// reply to COMMIT; a future dropped in between leaves its count wrong, and an open transaction in the
/// pool (<https://github.com/transact-rs/sqlx/issues/4393>). What comes out of `work` when nobody waits any
/// more is dropped, which rolls it back.
///
/// Without a tokio runtime, as with a `MockDatabase`, there is no task to be cancelled from.
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

/// As [`detached`], for what waits for the server and nothing else: once the caller has gone, it has some seconds to
/// end, and is dropped then. A server that fell silent would keep a connection of the pool for ever.
///
/// What `work` holds must see to it that nothing goes on where it was dropped. For the pool that is the reset of the
/// sessions that come back: it closes those that do not answer, and those with a transaction open.
pub(crate) async fn detached_for_a_while<T, F>(work: F) -> Result<T, ShutDown>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let (caller, caller_gone) = oneshot::channel::<()>();
    let bounded = async move {
        match select(pin!(work), caller_gone).await {
            Either::Left((done, _)) => Some(done),
            Either::Right((_, work)) => tokio::time::timeout(PATIENCE, work).await.ok(),
        }
    };
    let done = detached(bounded).await?;
    drop(caller);
    done.ok_or(ShutDown)
}

impl From<ShutDown> for DbErr {
    fn from(_: ShutDown) -> Self {
        Self::Custom("the runtime shut down while a transaction began or ended".to_owned())
    }
}

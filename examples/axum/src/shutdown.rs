//! When to stop.

use std::time::Duration;

use tokio::signal;

/// How long requests that are under way may take after the application was told to stop.
pub const GRACE: Duration = Duration::from_secs(4);

/// Completes on Ctrl-C, and on SIGTERM where there is one.
pub async fn requested() {
    tokio::select! {
        () = interrupt() => {}
        () = terminate() => {}
    }
}

/// Where a signal cannot be listened for, its default stays in force, which ends the process.
async fn interrupt() {
    if signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn terminate() {
    match signal::unix::signal(signal::unix::SignalKind::terminate()) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminate() {
    std::future::pending().await
}

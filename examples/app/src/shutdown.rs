//! Graceful shutdown.

use std::time::Duration;

use tokio::signal;

/// Time that running requests have left after the application is told to stop: 4 s.
pub const GRACE: Duration = Duration::from_secs(4);

/// Completes on Ctrl-C, and on Unix also on SIGTERM.
pub async fn requested() {
    tokio::select! {
        () = interrupt() => {}
        () = terminate() => {}
    }
}

/// Completes on Ctrl-C. Never completes if listening fails: then the signal's default action ends the process.
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

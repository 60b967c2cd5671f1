//! [`serve`]: the server.

use std::{future::IntoFuture, io};

use axum::Router;
use example_app::{GRACE, Metrics, Site, shutdown_requested};
use tokio::{net::TcpListener, time::sleep};

use crate::app;

/// Answers requests until the program is told to stop. Running requests then have [`GRACE`] left.
///
/// # Errors
/// [`io::Error`] if the server fails.
pub async fn serve(listener: TcpListener, site: Site) -> io::Result<()> {
    run(listener, app(site)).await
}

/// Answers scrapes until the program is told to stop.
///
/// # Errors
/// [`io::Error`] if the server fails.
pub async fn serve_metrics(listener: TcpListener, metrics: Metrics) -> io::Result<()> {
    run(listener, crate::metrics(metrics)).await
}

async fn run(listener: TcpListener, app: Router) -> io::Result<()> {
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown_requested());
    tokio::select! {
        result = server.into_future() => result?,
        () = deadline() => tracing::warn!("stopped with requests under way"),
    }
    Ok(())
}

/// Completes [`GRACE`] after the request to stop, so that a client's open connection cannot keep the process running.
async fn deadline() {
    shutdown_requested().await;
    sleep(GRACE).await;
}

//! [`serve`]: the server.

use std::io;

use actix_web::{App, HttpServer, dev::Server};
use example_app::{GRACE, Metrics, Site, shutdown_requested};
use tokio::net::TcpListener;

use crate::app;

/// Answers requests until the program is told to stop. Running requests then have [`GRACE`] left.
///
/// # Errors
/// [`io::Error`] if the server fails.
pub async fn serve(listener: TcpListener, site: Site) -> io::Result<()> {
    let server = HttpServer::new(move || app(site.clone()))
        .listen(listener.into_std()?)?
        .disable_signals()
        .shutdown_timeout(GRACE.as_secs());
    run(server.run()).await
}

/// Answers scrapes until the program is told to stop.
///
/// # Errors
/// [`io::Error`] if the server fails.
pub async fn serve_metrics(listener: TcpListener, metrics: Metrics) -> io::Result<()> {
    let server = HttpServer::new(move || App::new().configure(crate::metrics(metrics.clone())))
        .workers(1)
        .listen(listener.into_std()?)?
        .disable_signals()
        .shutdown_timeout(GRACE.as_secs());
    run(server.run()).await
}

async fn run(server: Server) -> io::Result<()> {
    let handle = server.handle();
    tokio::spawn(async move {
        shutdown_requested().await;
        handle.stop(true).await;
    });
    server.await
}

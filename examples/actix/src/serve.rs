//! [`serve`]: the server.

use std::io;

use actix_web::HttpServer;
use example_app::{GRACE, Site, shutdown_requested};
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
        .shutdown_timeout(GRACE.as_secs())
        .run();
    let handle = server.handle();
    tokio::spawn(async move {
        shutdown_requested().await;
        handle.stop(true).await;
    });
    server.await
}

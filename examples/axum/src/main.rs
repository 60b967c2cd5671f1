//! Runs the application. [`Config`] lists the environment variables.

use std::{error::Error, future::IntoFuture, process::ExitCode, time::Duration};

use example_axum::{Config, GRACE, app, shutdown_requested, start_logs};
use sea_orm::ConnectOptions;
use tenant_core::Tenants;
use tokio::{net::TcpListener, time::sleep};

#[tokio::main]
async fn main() -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => {
            start_logs(Default::default());
            tracing::error!("{error}");
            return ExitCode::from(2);
        }
    };
    start_logs(config.log_format);
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> Result<(), Box<dyn Error>> {
    let mut options = ConnectOptions::new(config.database_url);
    // Under load, a client gets an error after 5 s instead of waiting longer for a connection.
    options.acquire_timeout(Duration::from_secs(5));
    let tenants = Tenants::connect(options).await?;
    let listener = TcpListener::bind((config.host.as_str(), config.port)).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let app = app(tenants.clone(), example_migration::migrations());
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown_requested());
    tokio::select! {
        result = server.into_future() => result?,
        () = deadline() => tracing::warn!("stopped with requests under way"),
    }
    // Requests that were cut off return their connections after the rollback of their transactions.
    tokio::time::timeout(Duration::from_secs(2), tenants.close())
        .await
        .ok();
    tracing::info!("stopped");
    Ok(())
}

/// Completes [`GRACE`] after the request to stop, so that a client's open connection cannot keep the process running.
async fn deadline() {
    shutdown_requested().await;
    sleep(GRACE).await;
}

//! [`run`]: the life of the program.

use std::{error::Error, io, process::ExitCode, time::Duration};

use sea_orm::ConnectOptions;
use tenant_core::Tenants;
use tokio::net::TcpListener;

use crate::{Metrics, Recorder, Site, config::Config, logs};

/// Runs the application until it is told to stop. `serve` answers the requests of a listener, and `serve_metrics` those of
/// Prometheus. Both return after a graceful shutdown.
pub async fn run<F, M>(
    serve: impl FnOnce(TcpListener, Site) -> F,
    serve_metrics: impl FnOnce(TcpListener, Metrics) -> M,
) -> ExitCode
where
    F: Future<Output = io::Result<()>>,
    M: Future<Output = io::Result<()>>,
{
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => {
            logs::start(Default::default());
            tracing::error!("{error}");
            return ExitCode::from(2);
        }
    };
    logs::start(config.log_format);
    match run_with(config, serve, serve_metrics).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run_with<F, M>(
    config: Config,
    serve: impl FnOnce(TcpListener, Site) -> F,
    serve_metrics: impl FnOnce(TcpListener, Metrics) -> M,
) -> Result<(), Box<dyn Error>>
where
    F: Future<Output = io::Result<()>>,
    M: Future<Output = io::Result<()>>,
{
    let recorder = config.metrics_address.map(|_| Recorder::install()).transpose()?;
    let mut options = ConnectOptions::new(config.database_url);
    // Under load, a client gets an error after 5 s instead of waiting longer for a connection.
    options.acquire_timeout(Duration::from_secs(5));
    let tenants = Tenants::connect(options).await?;
    let listener = TcpListener::bind((config.host.as_str(), config.port)).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let site = Site::new(tenants.clone(), example_migration::migrations());
    let scrapes = async {
        let (Some(address), Some(recorder)) = (config.metrics_address, recorder) else {
            return Ok(());
        };
        let listener = TcpListener::bind(address).await?;
        tracing::info!(address = %listener.local_addr()?, "listening for scrapes of /metrics");
        tokio::spawn(recorder.clone().keep_up());
        serve_metrics(listener, Metrics::new(recorder, tenants.clone())).await
    };
    tokio::try_join!(
        serve(listener, site.operator_token(config.operator_token)),
        scrapes
    )?;
    // Requests that were cut off return their connections after the rollback of their transactions.
    tokio::time::timeout(Duration::from_secs(2), tenants.close())
        .await
        .ok();
    tracing::info!("stopped");
    Ok(())
}

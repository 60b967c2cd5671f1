//! Runs the application. [`Config`](example_app::Config) lists the environment variables.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    example_app::run(example_axum::serve, example_axum::serve_metrics).await
}

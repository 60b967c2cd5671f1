//! Runs the application. [`Config`](example_app::Config) lists the environment variables.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    example_app::run(example_actix::serve, example_actix::serve_metrics).await
}

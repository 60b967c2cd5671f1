//! The command line: `cargo run --bin migration -- --help`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    tenant_migration::cli::run_cli(migration::migrations()).await
}

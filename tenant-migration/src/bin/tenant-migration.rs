//! The program `tenant-migration`, which writes new applications, migrations and entities.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    tenant_migration::cli::run_starter().await
}

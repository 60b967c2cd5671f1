//! The command line: `cargo run -p example-migration -- --help`, or `sea-orm-cli migrate -d examples/migration`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    tenant_migration::cli::run_cli(example_migration::migrations()).await
}

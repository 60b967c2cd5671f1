//! The command line of the application: `cargo loco start`, `cargo loco task`, ...

use example_loco::{app::App, migrator::Migrator};
use loco_rs::cli;

#[tokio::main]
async fn main() -> loco_rs::Result<()> {
    cli::main::<App, Migrator>().await
}

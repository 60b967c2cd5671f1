//! `tenant pool`.

use clap::Subcommand;
use sea_orm::DatabaseConnection;

use crate::{
    cli::{Context, args::Confirmation, confirm::confirm, error::CliError, output::count},
    lifecycle::{drain_pool, fill_pool},
};

/// Commands for the pool of pending schemas, which new tenants get.
#[derive(Debug, Subcommand)]
pub(crate) enum PoolCommand {
    /// Create pending schemas until the pool is full. `tenant create` claims one of them, which takes milliseconds. Run it
    /// regularly, and after `up`, which migrates the pending schemas with the tenants
    Fill {
        /// Number of ready schemas that the pool should have
        #[arg(long, value_name = "N", default_value_t = 10)]
        size: u16,

        /// The kind of the tenants that get the schemas
        #[arg(long, default_value = tenant_core::DEFAULT_KIND)]
        kind: String,
    },
    /// Drop all pending schemas. They belong to no tenant
    Drain {
        /// Drop only the pending schemas of a kind
        #[arg(long)]
        kind: Option<String>,

        #[command(flatten)]
        confirmation: Confirmation,
    },
}

pub(super) async fn run(
    context: &Context<'_>,
    db: &DatabaseConnection,
    command: PoolCommand,
) -> Result<String, CliError> {
    match command {
        PoolCommand::Fill { size, kind } => {
            let pool = fill_pool(db, context.migrations, &kind, size.into()).await?;
            let behind = match pool.behind {
                0 => String::new(),
                behind => format!("\n{behind} behind this program: `up` migrates them"),
            };
            Ok(format!("{} made, {} ready{behind}", pool.made, pool.ready))
        }
        PoolCommand::Drain { kind, confirmation } => {
            confirm(context, confirmation, "`tenant pool drain` drops data")?;
            let dropped = drain_pool(db, context.migrations, kind.as_deref()).await?;
            Ok(format!("dropped {}", count(dropped, "pending schema")))
        }
    }
}

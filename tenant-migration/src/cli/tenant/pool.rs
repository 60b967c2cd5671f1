//! `tenant pool`.

use std::io::Write;

use clap::Subcommand;

use crate::{
    cli::{Context, args::Confirmation, confirm::confirm, error::CliError},
    lifecycle::{drain_pool, fill_pool},
};

/// Commands for the pool of pending schemas, which new tenants get.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum PoolCommand {
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

        /// Consent to drop them.
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

pub(super) async fn run(
    context: &Context<'_>,
    command: PoolCommand,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    match command {
        PoolCommand::Fill { size, kind } => fill(context, &kind, size.into(), out).await,
        PoolCommand::Drain { kind, confirmation } => {
            confirm(context, confirmation, "`tenant pool drain` drops data")?;
            drain(context, kind.as_deref(), out).await
        }
    }
}

async fn fill(
    context: &Context<'_>,
    kind: &str,
    size: usize,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let db = context.connect().await?;
    let pool = fill_pool(&db, context.migrations, kind, size).await;
    db.close().await?;
    let pool = pool?;
    writeln!(out, "{} made, {} ready", pool.made, pool.ready)?;
    if pool.behind > 0 {
        writeln!(out, "{} behind this program: `up` migrates them", pool.behind)?;
    }
    Ok(())
}

async fn drain(
    context: &Context<'_>,
    kind: Option<&str>,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let db = context.connect().await?;
    let dropped = drain_pool(&db, context.migrations, kind).await;
    db.close().await?;
    let dropped = dropped?;
    let schemas = if dropped == 1 { "schema" } else { "schemas" };
    writeln!(out, "dropped {dropped} pending {schemas}")?;
    Ok(())
}

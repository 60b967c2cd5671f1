//! `tenant schema`.

use std::{io::Write, time::Duration};

use clap::Subcommand;
use tenant_core::SchemaName;

use crate::{
    cli::{Context, error::CliError},
    lifecycle::{RenameOptions, rename_schema},
};

const RENAME: &str = "\
Example:
  migration tenant suspend acme
  migration tenant schema rename acme acme2
  migration tenant resume acme2";

/// Commands for a tenant's schema.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum SchemaCommand {
    /// Rename the schema of a tenant. The tenant must be out of service: suspended, in maintenance or archived. No other
    /// tenant gets the old name
    #[command(after_long_help = RENAME)]
    Rename {
        /// The present name
        old: String,

        /// The new name: 1 to 63 ASCII letters, digits, `_` and `-`
        new: String,

        /// Seconds that the tenant must have been out of service, because other processes cache its host. The command
        /// waits for the remaining time
        #[arg(long, value_name = "SECONDS", default_value_t = tenant_core::DEFAULT_HOST_CACHE_TTL.as_secs())]
        settle: u64,

        /// Reuse the name of a dropped tenant's schema. Work that still runs for the dropped tenant then reaches the rows
        /// of this one
        #[arg(long)]
        reuse_name: bool,
    },
}

pub(super) async fn run(
    context: &Context<'_>,
    command: SchemaCommand,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let SchemaCommand::Rename {
        old,
        new,
        settle,
        reuse_name,
    } = command;
    let (old, new) = (SchemaName::new(old)?, SchemaName::for_tenant(new)?);
    let mut options = RenameOptions::default().settle(Duration::from_secs(settle));
    if reuse_name {
        options = options.reuse_name();
    }
    let db = context.connect().await?;
    let renamed = rename_schema(&db, context.migrations, &old, &new, &options).await;
    db.close().await?;
    let renamed = renamed?;
    writeln!(out, "the schema of tenant {old} is now called {new}")?;
    for object in renamed.outdated {
        writeln!(
            out,
            "warning: {object}: has the old name {old} in a text, which may be the schema's: look at it"
        )?;
    }
    Ok(())
}

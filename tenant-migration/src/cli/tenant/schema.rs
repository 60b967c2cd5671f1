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

/// What to do with the schema of a tenant.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum SchemaCommand {
    /// Give the schema of a tenant another name. The tenant must be out of service: suspended, in maintenance or archived.
    /// The old name is not given to another tenant
    #[command(after_long_help = RENAME)]
    Rename {
        /// The name that it has
        old: String,

        /// The name from then on: 1 to 63 ASCII letters, digits, `_` and `-`
        new: String,

        /// How many seconds the tenant must have been out of service, because other processes may still know its host.
        /// What is missing of it is waited for
        #[arg(long, value_name = "SECONDS", default_value_t = tenant_core::DEFAULT_HOST_CACHE_TTL.as_secs())]
        settle: u64,

        /// Take the name of a schema that another tenant had, which is gone. What still runs for that one reaches this
        /// one's rows
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
    writeln!(out, "the schema of tenant {old} is called {new}")?;
    for function in renamed.outdated {
        writeln!(
            out,
            "warning: the body of {function} seems to name {old}: change it"
        )?;
    }
    Ok(())
}

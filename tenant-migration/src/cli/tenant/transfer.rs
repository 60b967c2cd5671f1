//! `tenant export` and `tenant import`.

use std::path::PathBuf;

use sea_orm::DatabaseConnection;
use tenant_core::SchemaName;

use crate::{
    cli::{
        Context,
        error::CliError,
        tenant::create::{at_domain, with_advice},
    },
    transfer::{ImportOptions, PgPrograms, export_tenant, import_tenant},
};

/// Arguments of `tenant export`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// The tenant's schema
    schema: SchemaName,

    /// The directory of the export. It must be new or empty
    directory: PathBuf,

    /// The directory of `pg_dump`. Default: the server's version, on the PATH or in /usr/lib/postgresql
    #[arg(long, value_name = "DIR")]
    pg_bin: Option<PathBuf>,
}

/// Arguments of `tenant import`.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// The directory that `tenant export` wrote
    directory: PathBuf,

    /// Reuse the name of a dropped tenant's schema, such as this tenant's own. Work that still runs for the dropped tenant
    /// then reaches the rows of this one
    #[arg(long)]
    reuse_name: bool,

    /// The directory of `pg_restore`. Default: the server's version, on the PATH or in /usr/lib/postgresql
    #[arg(long, value_name = "DIR")]
    pg_bin: Option<PathBuf>,
}

pub(super) async fn export(
    context: &Context<'_>,
    db: &DatabaseConnection,
    args: ExportArgs,
) -> Result<String, CliError> {
    let (schema, directory) = (args.schema, args.directory);
    let programs = programs(args.pg_bin);
    export_tenant(db, context.migrations, &schema, &directory, &programs).await?;
    Ok(format!("exported tenant {schema} to {}", directory.display()))
}

pub(super) async fn import(
    context: &Context<'_>,
    db: &DatabaseConnection,
    args: ImportArgs,
) -> Result<String, CliError> {
    let mut options = ImportOptions::default().programs(programs(args.pg_bin));
    if args.reuse_name {
        options = options.reuse_name();
    }
    let tenant = import_tenant(db, context.migrations, &args.directory, &options).await?;
    let (schema, at_domain, status) = (tenant.schema(), at_domain(&tenant), tenant.status());
    let done = format!("imported tenant {schema}{at_domain}, {status}");
    Ok(with_advice(context, &tenant, done))
}

fn programs(folder: Option<PathBuf>) -> PgPrograms {
    folder.map_or_else(PgPrograms::default, PgPrograms::in_folder)
}

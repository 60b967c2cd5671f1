//! `tenant export` and `tenant import`.

use std::path::PathBuf;

use sea_orm::DatabaseConnection;
use tenant_core::SchemaName;

use crate::{
    cli::{
        Context,
        args::Confirmation,
        confirm::confirm,
        error::CliError,
        tenant::create::{at_domain, with_advice},
    },
    transfer::{ImportOptions, PgPrograms, export_tenant, import_tenant, replace_tenant},
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

    /// Reuse the name of a dropped tenant's schema, such as this tenant's own, 90 s after the drop. Work that still runs for
    /// the dropped tenant then reaches the rows of this one
    #[arg(long)]
    reuse_name: bool,

    /// Restore the export over the tenant that has its schema, which must be out of service. The present schema with its rows
    /// gets this name, and belongs to an archived tenant until that is dropped. If it was killed, run it again: it goes on
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "reuse_name",
        value_parser = |name: &str| SchemaName::for_tenant(name)
    )]
    replace: Option<SchemaName>,

    #[command(flatten)]
    confirmation: Confirmation,

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
    let (migrations, directory) = (context.migrations, &args.directory);
    let tenant = match &args.replace {
        Some(aside) => {
            let action = format!(
                "`tenant import --replace` replaces the rows of a tenant (its old rows go to {aside})"
            );
            confirm(context, args.confirmation, &action)?;
            replace_tenant(db, migrations, directory, aside, &options).await?
        }
        None => import_tenant(db, migrations, directory, &options).await?,
    };
    let (schema, at_domain, status) = (tenant.schema(), at_domain(&tenant), tenant.status());
    let mut done = format!("imported tenant {schema}{at_domain}, {status}");
    if let Some(aside) = args.replace {
        done += &format!(
            "\nits old rows are in {aside}, which is archived: `tenant drop {aside}` when they are not needed any more\n\
             `tenant resume {schema}` takes it back into service"
        );
    }
    Ok(with_advice(context, &tenant, done))
}

fn programs(folder: Option<PathBuf>) -> PgPrograms {
    folder.map_or_else(PgPrograms::default, PgPrograms::in_folder)
}

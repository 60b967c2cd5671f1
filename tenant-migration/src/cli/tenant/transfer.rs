//! `tenant export` and `tenant import`.

use std::{io::Write, path::PathBuf};

use tenant_core::SchemaName;

use crate::{
    cli::{
        Context,
        args::Confirmation,
        confirm::confirm,
        error::CliError,
        tenant::{adopt::show_pending, at_domain},
    },
    transfer::{ImportOptions, PgPrograms, export_tenant, import_tenant, replace_tenant},
};

/// Arguments of `tenant export`.
#[derive(Debug, clap::Args)]
#[non_exhaustive]
pub struct ExportArgs {
    /// The tenant's schema
    pub schema: String,

    /// The directory of the export. It must be new or empty
    pub directory: PathBuf,

    /// The directory of `pg_dump`. Default: the server's version, on the PATH or in /usr/lib/postgresql
    #[arg(long, value_name = "DIR")]
    pub pg_bin: Option<PathBuf>,
}

/// Arguments of `tenant import`.
#[derive(Debug, clap::Args)]
#[non_exhaustive]
pub struct ImportArgs {
    /// The directory that `tenant export` wrote
    pub directory: PathBuf,

    /// Reuse the name of a dropped tenant's schema, such as this tenant's own. Work that still runs for the dropped tenant
    /// then reaches the rows of this one
    #[arg(long)]
    pub reuse_name: bool,

    /// Restore the export over the tenant that has its schema, which must be out of service. The present schema with its rows
    /// gets this name, and belongs to an archived tenant until that is dropped. If it was killed, run it again: it goes on
    #[arg(long, value_name = "NAME", conflicts_with = "reuse_name")]
    pub replace: Option<String>,

    /// Consent to replace the tenant's rows.
    #[command(flatten)]
    pub confirmation: Confirmation,

    /// The directory of `pg_restore`. Default: the server's version, on the PATH or in /usr/lib/postgresql
    #[arg(long, value_name = "DIR")]
    pub pg_bin: Option<PathBuf>,
}

pub(super) async fn export(
    context: &Context<'_>,
    args: ExportArgs,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let schema = SchemaName::new(args.schema)?;
    let programs = programs(args.pg_bin);
    let db = context.connect().await?;
    let exported = export_tenant(&db, context.migrations, &schema, &args.directory, &programs).await;
    db.close().await?;
    exported?;
    writeln!(out, "exported tenant {schema} to {}", args.directory.display())?;
    Ok(())
}

pub(super) async fn import(
    context: &Context<'_>,
    args: ImportArgs,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let mut options = ImportOptions::default().programs(programs(args.pg_bin));
    if args.reuse_name {
        options = options.reuse_name();
    }
    let aside = args.replace.map(SchemaName::for_tenant).transpose()?;
    if let Some(aside) = &aside {
        let action =
            format!("`tenant import --replace` replaces the rows of a tenant (its old rows go to {aside})");
        confirm(context, args.confirmation, &action)?;
    }
    let db = context.connect().await?;
    let imported = match &aside {
        Some(aside) => replace_tenant(&db, context.migrations, &args.directory, aside, &options).await,
        None => import_tenant(&db, context.migrations, &args.directory, &options).await,
    };
    db.close().await?;
    let tenant = imported?;
    let (schema, at_domain, status) = (tenant.schema(), at_domain(&tenant), tenant.status());
    writeln!(out, "imported tenant {schema}{at_domain}, {status}")?;
    if let Some(aside) = aside {
        writeln!(
            out,
            "its old rows are in {aside}, which is archived: `tenant drop {aside}` when they are not needed any more"
        )?;
        writeln!(out, "`tenant resume {schema}` takes it back into service")?;
    }
    show_pending(context, &tenant, out)?;
    writeln!(
        out,
        "run `audit` to find what could lead from it to another tenant"
    )?;
    Ok(())
}

fn programs(folder: Option<PathBuf>) -> PgPrograms {
    folder.map_or_else(PgPrograms::default, PgPrograms::in_folder)
}

//! `tenant clone`.

use std::io::Write;

use sea_orm::DatabaseConnection;
use tenant_core::{
    DEFAULT_KIND, SchemaName, Tenant,
    catalog::{SeaOrmStore, TenantStore as _},
};

use crate::{
    cli::{
        Context,
        error::CliError,
        tenant::{at_domain, warn_of_name},
    },
    lifecycle::{CloneData, NewTenant, clone_tenant},
};

/// Arguments of `tenant clone`.
pub(super) struct Options {
    pub(super) source: SchemaName,
    pub(super) new: NewTenant,
    pub(super) kind: Option<String>,
    pub(super) is_structure_only: bool,
}

pub(super) async fn run(
    context: &Context<'_>,
    options: Options,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let source = options.source.clone();
    let db = context.connect().await?;
    let cloned = clone(context, &db, options).await;
    db.close().await?;
    let tenant = cloned?;
    let (schema, at_domain) = (tenant.schema(), at_domain(&tenant));
    writeln!(out, "copied tenant {source} to {schema}{at_domain}")?;
    warn_of_name(&tenant, out)?;
    Ok(())
}

async fn clone(context: &Context<'_>, db: &DatabaseConnection, options: Options) -> Result<Tenant, CliError> {
    let kind = match options.kind {
        Some(kind) => kind,
        None => kind_of(db, &options.source).await?,
    };
    let new = options.new.kind(kind);
    let data = match options.is_structure_only {
        true => CloneData::Structure,
        false => CloneData::Rows,
    };
    Ok(clone_tenant(db, context.migrations, &options.source, &new, data).await?)
}

/// Returns the kind of the source tenant. If there is no such tenant, it returns the default kind, and cloning fails later.
pub(super) async fn kind_of(db: &DatabaseConnection, source: &SchemaName) -> Result<String, CliError> {
    let found = match crate::define::catalog::exists(db).await? {
        true => SeaOrmStore::new(db.clone()).by_schema(source).await?,
        false => None,
    };
    Ok(found.as_ref().map_or(DEFAULT_KIND, Tenant::kind).to_owned())
}

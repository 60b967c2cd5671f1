//! `tenant clone`.

use std::io::Write;

use sea_orm::DatabaseConnection;
use tenant_core::{
    DEFAULT_KIND, SchemaName, Tenant,
    catalog::{SeaOrmStore, TenantStore as _},
};

use crate::{
    cli::{Context, error::CliError, tenant::at},
    lifecycle::{CloneData, NewTenant, clone_tenant},
};

/// What was asked for.
pub(super) struct Cloning {
    pub(super) source: SchemaName,
    pub(super) new: NewTenant,
    pub(super) kind: Option<String>,
    pub(super) is_structure_only: bool,
}

pub(super) async fn run(
    context: &Context<'_>,
    cloning: Cloning,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let source = cloning.source.clone();
    let db = context.connect().await?;
    let cloned = clone(context, &db, cloning).await;
    db.close().await?;
    let tenant = cloned?;
    let (schema, at) = (tenant.schema(), at(&tenant));
    writeln!(out, "copied tenant {source} to {schema}{at}")?;
    Ok(())
}

async fn clone(context: &Context<'_>, db: &DatabaseConnection, cloning: Cloning) -> Result<Tenant, CliError> {
    let kind = match cloning.kind {
        Some(kind) => kind,
        None => kind_of(db, &cloning.source).await?,
    };
    let new = cloning.new.kind(kind);
    let data = match cloning.is_structure_only {
        true => CloneData::Structure,
        false => CloneData::Rows,
    };
    Ok(clone_tenant(db, context.migrations, &cloning.source, &new, data).await?)
}

/// The kind of the source. Where it is not there, that is said later.
pub(super) async fn kind_of(db: &DatabaseConnection, source: &SchemaName) -> Result<String, CliError> {
    let found = match crate::define::catalog::exists(db).await? {
        true => SeaOrmStore::new(db.clone()).by_schema(source).await?,
        false => None,
    };
    Ok(found.as_ref().map_or(DEFAULT_KIND, Tenant::kind).to_owned())
}

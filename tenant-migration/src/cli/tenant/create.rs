//! `tenant create`.

use std::io::Write;

use sea_orm::DatabaseConnection;
use tenant_core::{SchemaName, Tenant};

use crate::{
    cli::{
        Context,
        error::CliError,
        tenant::{at_domain, clone::kind_of, warn_of_name},
    },
    lifecycle::{NewTenant, create_tenant, create_tenant_from},
};

pub(super) async fn run(
    context: &Context<'_>,
    new: NewTenant,
    kind: Option<String>,
    template: Option<SchemaName>,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let db = context.connect().await?;
    let created = create(context, &db, new, kind, template.as_ref()).await;
    db.close().await?;
    let tenant = created?;
    let from = template.map(|template| format!(" from {template}"));
    let (from, at_domain) = (from.unwrap_or_default(), at_domain(&tenant));
    if tenant.is_public() {
        writeln!(out, "created the public tenant{at_domain}")?;
    } else {
        writeln!(out, "created tenant {}{from}{at_domain}", tenant.schema())?;
    }
    warn_of_name(&tenant, out)?;
    Ok(())
}

async fn create(
    context: &Context<'_>,
    db: &DatabaseConnection,
    mut new: NewTenant,
    kind: Option<String>,
    template: Option<&SchemaName>,
) -> Result<Tenant, CliError> {
    let kind = match (kind, template) {
        (None, Some(template)) => Some(kind_of(db, template).await?),
        (kind, _) => kind,
    };
    if let Some(kind) = kind {
        new = new.kind(kind);
    }
    Ok(match template {
        Some(template) => create_tenant_from(db, context.migrations, template, &new).await?,
        None => create_tenant(db, context.migrations, &new).await?,
    })
}

//! `tenant`: what is done to one tenant, or shown of all.

mod args;

use std::io::Write;

use serde_json::{Value, json};
use tenant_core::{
    Host, SchemaName, Tenant,
    catalog::{SeaOrmStore, TenantStore as _},
};

use super::{Context, error::CliError, output::plain_table};
use crate::lifecycle::{NewTenant, create_tenant};

pub use args::TenantCommand;

pub(super) async fn run(
    context: &Context<'_>,
    command: TenantCommand,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    match command {
        TenantCommand::Create {
            schema,
            name,
            domain,
            kind,
        } => {
            let schema = SchemaName::new(schema)?;
            let name = name.unwrap_or_else(|| schema.to_string());
            let mut new = NewTenant::new(schema, name).kind(kind);
            if let Some(domain) = domain {
                let host = Host::parse(&domain);
                new = new.domain(host.map_err(|source| CliError::Domain { domain, source })?);
            }
            create(context, &new, out).await
        }
        TenantCommand::List { json } => list(context, json, out).await,
    }
}

async fn create(
    context: &Context<'_>,
    new: &NewTenant,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let db = context.connect().await?;
    let created = create_tenant(&db, context.migrations, new).await;
    db.close().await?;
    let tenant = created?;
    let at = tenant
        .domain()
        .map(|domain| format!(" at {domain}"))
        .unwrap_or_default();
    if tenant.is_public() {
        writeln!(out, "created the public tenant{at}")?;
    } else {
        writeln!(out, "created tenant {}{at}", tenant.schema())?;
    }
    Ok(())
}

async fn list(context: &Context<'_>, as_json: bool, out: &mut (dyn Write + Send)) -> Result<(), CliError> {
    let db = context.connect().await?;
    // A database without a catalog has no tenants.
    let tenants = match crate::catalog::exists(&db).await? {
        true => SeaOrmStore::new(db.clone()).list().await?,
        false => Vec::new(),
    };
    db.close().await?;
    if as_json {
        let tenants: Vec<_> = tenants.iter().map(to_json).collect();
        writeln!(out, "{:#}", Value::Array(tenants))?;
        return Ok(());
    }
    let mut table = plain_table(["schema", "name", "domain", "kind", "status"]);
    for tenant in &tenants {
        table.add_row(row(tenant));
    }
    writeln!(out, "{}", table.trim_fmt())?;
    Ok(())
}

fn row(tenant: &Tenant) -> [&str; 5] {
    [
        tenant.schema().as_str(),
        tenant.name(),
        tenant.domain().unwrap_or("-"),
        tenant.kind(),
        tenant.status().as_str(),
    ]
}

fn to_json(tenant: &Tenant) -> Value {
    json!({
        "id": tenant.id(),
        "schema": tenant.schema(),
        "name": tenant.name(),
        "domain": tenant.domain(),
        "kind": tenant.kind(),
        "status": tenant.status(),
        "metadata": tenant.metadata(),
    })
}

//! `tenant list`.

use std::io::Write;

use serde_json::{Value, json};
use tenant_core::{
    Tenant, TenantStatus, VersionSkew,
    catalog::{SeaOrmStore, TenantStore as _},
};

use crate::{
    cli::{Context, error::CliError, output::plain_table},
    define::Migrations,
};

/// Filter of the tenants that are listed.
pub(super) struct Filter {
    pub(super) status: Option<TenantStatus>,
    pub(super) kind: Option<String>,
    pub(super) behind: bool,
}

impl Filter {
    fn matches(&self, tenant: &Tenant, migrations: &Migrations) -> bool {
        self.status.is_none_or(|status| tenant.status() == status)
            && self.kind.as_deref().is_none_or(|kind| tenant.kind() == kind)
            && (!self.behind || is_behind(tenant, migrations))
    }
}

fn is_behind(tenant: &Tenant, migrations: &Migrations) -> bool {
    let skew = migrations.versions().compare(tenant);
    matches!(skew, VersionSkew::Behind { .. })
}

pub(super) async fn run(
    context: &Context<'_>,
    filter: &Filter,
    as_json: bool,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let db = context.connect().await?;
    // A database without a catalog has no tenants.
    let tenants = match crate::define::catalog::exists(&db).await? {
        true => SeaOrmStore::new(db.clone()).list().await?,
        false => Vec::new(),
    };
    db.close().await?;
    let tenants = tenants
        .iter()
        .filter(|tenant| filter.matches(tenant, context.migrations));
    if as_json {
        let tenants: Vec<_> = tenants.map(to_json).collect();
        writeln!(out, "{:#}", Value::Array(tenants))?;
        return Ok(());
    }
    let mut table = plain_table(["schema", "name", "domain", "kind", "status", "version"]);
    for tenant in tenants {
        table.add_row(row(tenant));
    }
    writeln!(out, "{}", table.trim_fmt())?;
    Ok(())
}

fn row(tenant: &Tenant) -> [&str; 6] {
    [
        tenant.schema().as_str(),
        tenant.name(),
        tenant.domain().unwrap_or("-"),
        tenant.kind(),
        tenant.status().as_str(),
        tenant.version().unwrap_or("-"),
    ]
}

pub(super) fn to_json(tenant: &Tenant) -> Value {
    json!({
        "id": tenant.id(),
        "schema": tenant.schema(),
        "name": tenant.name(),
        "domain": tenant.domain(),
        "kind": tenant.kind(),
        "status": tenant.status(),
        "metadata": tenant.metadata(),
        "version": tenant.version(),
    })
}

//! `tenant list`.

use sea_orm::DatabaseConnection;
use serde_json::{Value, json};
use tenant_core::{
    Tenant, TenantStatus, VersionSkew,
    catalog::{SeaOrmStore, TenantStore as _},
};

use crate::{
    cli::{Context, error::CliError, output::plain_table},
    define::{LookupError, Migrations, catalog},
};

/// Arguments of `tenant list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Only tenants with this status
    #[arg(long)]
    status: Option<TenantStatus>,

    /// Only tenants of this kind
    #[arg(long)]
    kind: Option<String>,

    /// Only tenants with pending migrations
    #[arg(long)]
    behind: bool,

    /// Show the tenants as JSON, with all fields of the catalog
    #[arg(long)]
    json: bool,
}

impl ListArgs {
    fn matches(&self, tenant: &Tenant, migrations: &Migrations) -> bool {
        let is_behind = || {
            let skew = migrations.versions().compare(tenant);
            matches!(skew, VersionSkew::Behind { .. })
        };
        self.status.is_none_or(|status| tenant.status() == status)
            && self.kind.as_deref().is_none_or(|kind| tenant.kind() == kind)
            && (!self.behind || is_behind())
    }
}

pub(super) async fn run(
    context: &Context<'_>,
    db: &DatabaseConnection,
    args: &ListArgs,
) -> Result<String, CliError> {
    // A database without a catalog has no tenants.
    let tenants = match catalog::exists(db).await? {
        true => SeaOrmStore::new(db.clone())
            .list()
            .await
            .map_err(LookupError::from)?,
        false => Vec::new(),
    };
    let tenants = tenants
        .iter()
        .filter(|tenant| args.matches(tenant, context.migrations));
    if args.json {
        return Ok(format!("{:#}", tenants.map(to_json).collect::<Value>()));
    }
    let mut table = plain_table(["schema", "name", "domain", "kind", "status", "version"]);
    for tenant in tenants {
        table.add_row([
            tenant.schema().as_str(),
            tenant.name(),
            tenant.domain().unwrap_or("-"),
            tenant.kind(),
            tenant.status().as_str(),
            tenant.version().unwrap_or("-"),
        ]);
    }
    Ok(table.trim_fmt())
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

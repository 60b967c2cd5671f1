//! `tenant show`.

use sea_orm::{DatabaseConnection, DbErr};
use serde_json::Value;
use tenant_core::{
    SchemaName, Tenant,
    catalog::{SeaOrmStore, TenantStore as _, domain},
};

use crate::{
    cli::{
        Context,
        error::CliError,
        json::statuses,
        output::plain_table,
        tenant::{domains, list},
    },
    database::rows,
    define::LookupError,
    lifecycle::list_domains,
    plan::{SchemaStatus, Target, status},
};

/// Arguments of `tenant show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The tenant's schema
    schema: SchemaName,

    /// Show the tenant as JSON
    #[arg(long)]
    json: bool,
}

/// A tenant with its domains, migrations and size.
struct Details {
    tenant: Tenant,
    domains: Vec<domain::Model>,
    /// `None` for the public tenant: `status -s public` shows the shared schema's migrations.
    status: Option<SchemaStatus>,
    tables: i64,
    bytes: i64,
}

pub(super) async fn run(
    context: &Context<'_>,
    db: &DatabaseConnection,
    args: ShowArgs,
) -> Result<String, CliError> {
    let details = Details::read(context, db, args.schema).await?;
    Ok(match args.json {
        true => format!("{:#}", details.to_json()),
        false => details.to_text(),
    })
}

impl Details {
    async fn read(
        context: &Context<'_>,
        db: &DatabaseConnection,
        schema: SchemaName,
    ) -> Result<Self, CliError> {
        let domains = list_domains(db, &schema).await?;
        let tenant = SeaOrmStore::new(db.clone()).by_schema(&schema).await;
        let tenant = tenant.map_err(LookupError::from)?;
        let target = match schema.is_shared() {
            true => Target::Tenants(Vec::new()),
            false => Target::Tenants(vec![schema.clone()]),
        };
        let tenant = tenant.ok_or(LookupError::NoSuchTenant { schema })?;
        let mut statuses = status::read(db, context.migrations, &target).await?;
        let (tables, bytes) = size(db, tenant.schema()).await?;
        Ok(Self {
            tenant,
            domains,
            status: statuses.pop(),
            tables,
            bytes,
        })
    }

    fn to_text(&self) -> String {
        let tenant = &self.tenant;
        let mut table = plain_table(["schema", tenant.schema().as_str()]);
        table.add_row(["name", tenant.name()]);
        table.add_row(["id", &tenant.id().to_string()]);
        table.add_row(["kind", tenant.kind()]);
        table.add_row(["status", tenant.status().as_str()]);
        table.add_row(["version", tenant.version().unwrap_or("-")]);
        table.add_row(["metadata", &tenant.metadata().to_string()]);
        for domain in domains::describe_all(&self.domains) {
            table.add_row(["domain", &domain]);
        }
        table.add_row(["tables", &self.tables.to_string()]);
        table.add_row(["size", &format!("{} KiB", self.bytes / 1024)]);
        if let Some(status) = &self.status {
            table.add_row(["applied", &status.applied.len().to_string()]);
            let pending = match &*status.pending {
                [] => "-".to_owned(),
                pending => pending.join(", "),
            };
            table.add_row(["pending", &pending]);
            let failure = status.last_failure.as_ref();
            table.add_row([
                "last failure",
                &failure.map_or_else(|| "-".to_owned(), ToString::to_string),
            ]);
        }
        table.trim_fmt()
    }

    fn to_json(&self) -> Value {
        let mut value = list::to_json(&self.tenant);
        value["domains"] = domains::to_json(&self.domains);
        value["tables"] = self.tables.into();
        value["bytes"] = self.bytes.into();
        if let Some(status) = &self.status {
            value["migrations"] = statuses(std::slice::from_ref(status))[0].take();
        }
        value
    }
}

/// Returns the number of tables of a schema, and their size in bytes.
async fn size(db: &DatabaseConnection, schema: &SchemaName) -> Result<(i64, i64), DbErr> {
    let sql = "SELECT count(*), coalesce(sum(pg_total_relation_size(class.oid)), 0)::int8
        FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace AS space ON space.oid = relnamespace
        WHERE nspname = $1 AND relkind IN ('r', 'm')";
    let rows = rows(db, sql, [schema.as_str().into()]).await?;
    rows.first().map_or(Ok((0, 0)), |row| {
        Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))
    })
}

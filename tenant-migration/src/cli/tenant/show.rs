//! `tenant show` and `tenant domain`.

use std::io::Write;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use serde_json::{Value, json};
use tenant_core::{
    Domain, SchemaName, Tenant,
    catalog::{SeaOrmStore, TenantStore as _, domain},
};

use crate::{
    cli::{
        Context,
        error::CliError,
        json::statuses,
        output::plain_table,
        tenant::{DomainCommand, list::to_json, parse_domain, with_delay},
    },
    define::LookupError,
    lifecycle::{LifecycleError, add_domain, list_domains, remove_domain, set_primary_domain},
    plan::{SchemaStatus, Target, status},
};

/// A tenant with its domains, migrations and size.
struct Details {
    tenant: Tenant,
    domains: Vec<domain::Model>,
    /// `None` for the public tenant: `status -s public` shows the shared schema's migrations.
    status: Option<SchemaStatus>,
    size: Size,
}

/// Size of a schema.
struct Size {
    tables: i64,
    bytes: i64,
}

pub(super) async fn run(
    context: &Context<'_>,
    schema: &SchemaName,
    as_json: bool,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let db = context.connect().await?;
    let details = read(context, &db, schema).await;
    db.close().await?;
    let details = details?;
    match as_json {
        true => writeln!(out, "{:#}", details_json(&details))?,
        false => show(&details, out)?,
    }
    Ok(())
}

async fn read(
    context: &Context<'_>,
    db: &DatabaseConnection,
    schema: &SchemaName,
) -> Result<Details, CliError> {
    let domains = list_domains(db, schema).await?;
    let tenant = SeaOrmStore::new(db.clone()).by_schema(schema).await?;
    let missing = || LookupError::NoSuchTenant {
        schema: schema.clone(),
    };
    let tenant = tenant.ok_or_else(|| LifecycleError::from(missing()))?;
    let target = match schema.is_shared() {
        true => Target::Tenants(Vec::new()),
        false => Target::Tenants(vec![schema.clone()]),
    };
    let mut statuses = status::read(db, context.migrations, &target).await?;
    Ok(Details {
        size: size(db, tenant.schema()).await?,
        status: statuses.pop(),
        tenant,
        domains,
    })
}

async fn size(db: &DatabaseConnection, schema: &SchemaName) -> Result<Size, DbErr> {
    let sql = "SELECT count(*) AS tables, coalesce(sum(pg_total_relation_size(class.oid)), 0)::int8 AS bytes
        FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace AS space ON space.oid = relnamespace
        WHERE nspname = $1 AND relkind IN ('r', 'm')";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [schema.as_str().into()]);
    let row = db.query_one_raw(statement).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("an aggregate gave no row".to_owned()))?;
    Ok(Size {
        tables: row.try_get("", "tables")?,
        bytes: row.try_get("", "bytes")?,
    })
}

fn show(details: &Details, out: &mut (dyn Write + Send)) -> Result<(), CliError> {
    let tenant = &details.tenant;
    let mut table = plain_table(["schema", tenant.schema().as_str()]);
    table.add_row(["name", tenant.name()]);
    table.add_row(["id", &tenant.id().to_string()]);
    table.add_row(["kind", tenant.kind()]);
    table.add_row(["status", tenant.status().as_str()]);
    table.add_row(["version", tenant.version().unwrap_or("-")]);
    table.add_row(["metadata", &tenant.metadata().to_string()]);
    for domain in &details.domains {
        table.add_row(["domain", &describe_domain(domain)]);
    }
    table.add_row(["tables", &details.size.tables.to_string()]);
    table.add_row(["size", &format!("{} KiB", details.size.bytes / 1024)]);
    if let Some(status) = &details.status {
        table.add_row(["applied", &status.applied().len().to_string()]);
        let pending: Vec<_> = status.pending().iter().map(|name| &**name).collect();
        table.add_row(["pending", &or_dash(&pending.join(", "))]);
    }
    writeln!(out, "{}", table.trim_fmt())?;
    Ok(())
}

fn or_dash(text: &str) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text.to_owned()
    }
}

fn describe_domain(domain: &domain::Model) -> String {
    match domain.is_primary {
        true => format!("{} (primary)", domain.domain),
        false => domain.domain.clone(),
    }
}

fn details_json(details: &Details) -> Value {
    let mut value = to_json(&details.tenant);
    value["domains"] = domains_json(&details.domains);
    value["tables"] = details.size.tables.into();
    value["bytes"] = details.size.bytes.into();
    if let Some(status) = &details.status {
        value["migrations"] = statuses(std::slice::from_ref(status))[0].take();
    }
    value
}

fn domains_json(domains: &[domain::Model]) -> Value {
    let domain = |row: &domain::Model| json!({ "domain": row.domain, "primary": row.is_primary });
    domains.iter().map(domain).collect()
}

/// Runs `tenant domain`.
pub(super) async fn domain(
    context: &Context<'_>,
    command: DomainCommand,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let db = context.connect().await?;
    let result = run_domain_command(&db, command, out).await;
    db.close().await?;
    result
}

async fn run_domain_command(
    db: &DatabaseConnection,
    command: DomainCommand,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let schema = match command {
        DomainCommand::List { schema, json } => {
            let domains = list_domains(db, &SchemaName::new(schema)?).await?;
            if json {
                writeln!(out, "{:#}", domains_json(&domains))?;
                return Ok(());
            }
            return Ok(domains
                .iter()
                .try_for_each(|row| writeln!(out, "{}", describe_domain(row)))?);
        }
        DomainCommand::Add {
            schema,
            host: name,
            primary,
        } => {
            let schema = SchemaName::new(schema)?;
            add_domain(db, &schema, parse_domain::<Domain>(name)?, primary).await?;
            schema
        }
        DomainCommand::Remove { schema, host: name } => {
            let schema = SchemaName::new(schema)?;
            remove_domain(db, &schema, parse_domain::<Domain>(name)?).await?;
            schema
        }
        DomainCommand::Primary { schema, host: name } => {
            let schema = SchemaName::new(schema)?;
            set_primary_domain(db, &schema, &parse_domain(name)?).await?;
            schema
        }
    };
    let domains = list_domains(db, &schema).await?;
    let domains: Vec<_> = domains.iter().map(describe_domain).collect();
    let domains = if domains.is_empty() {
        "none".to_owned()
    } else {
        domains.join(", ")
    };
    writeln!(
        out,
        "{}",
        with_delay(&format!("the domains of {schema}: {domains}"))
    )?;
    Ok(())
}

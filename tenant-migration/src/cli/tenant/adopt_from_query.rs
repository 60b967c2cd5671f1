//! `tenant adopt --from-query`: adopts the tenants of another multitenancy library.

use std::{
    collections::{HashMap, HashSet},
    io::Write,
};

use sea_orm::{AccessMode, DatabaseConnection, DbErr, TransactionTrait as _};
use serde_json::Value;
use tenant_core::{
    DEFAULT_KIND, Host, SHARED_SCHEMA, SchemaName, Tenant, VersionSkew,
    catalog::{SeaOrmStore, TenantStore as _},
};

use crate::{
    cli::{Context, error::CliError, output::plain_table, tenant::create::AdoptArgs},
    database::{rows, texts},
    define::{LookupError, catalog},
    lifecycle::{AdoptOptions, NewTenant, adopt},
};

/// A tenant of the query.
struct Candidate {
    schema: String,
    name: Option<String>,
    kind: Option<String>,
    /// Domains, and whether each is the primary one.
    domains: Vec<(String, bool)>,
}

/// Result for a tenant of the query.
enum Adopted {
    Done(Tenant),
    /// The catalog had the tenant already.
    Known,
    /// The shared schema, which is no tenant's own.
    Shared,
    Failed(CliError),
}

pub(super) async fn run(
    context: &Context<'_>,
    db: &DatabaseConnection,
    args: &AdoptArgs,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let adopted = adopt_all(context, db, args).await?;
    let leftovers = leftovers(db).await?;
    show(&adopted, args.dry_run, out)?;
    show_left_to_do(context, &adopted, &leftovers, out)?;
    let failed = adopted
        .iter()
        .filter(|(_, result)| matches!(result, Adopted::Failed(_)));
    match failed.count() {
        0 => Ok(()),
        failed => Err(CliError::TenantsFailed {
            failed,
            all: adopted.len(),
        }),
    }
}

async fn adopt_all(
    context: &Context<'_>,
    db: &DatabaseConnection,
    args: &AdoptArgs,
) -> Result<Vec<(String, Adopted)>, CliError> {
    let sql = args.from_query.as_deref().unwrap_or_default();
    let mut candidates = candidates(db, sql).await?;
    if let Some(missing) = args
        .only
        .iter()
        .find(|name| candidates.iter().all(|found| found.schema != **name))
    {
        return Err(CliError::NotInQuery {
            schema: missing.clone(),
        });
    }
    candidates.retain(|found| args.only.is_empty() || args.only.contains(&found.schema));
    let known = known_schemas(db).await?;
    let mut owners = Owners::default();
    let mut results = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let result = if known.contains(&candidate.schema.to_ascii_lowercase()) {
            Adopted::Known
        } else if candidate.schema == SHARED_SCHEMA {
            Adopted::Shared
        } else {
            let adopted = adopt_one(context, db, args, &candidate, &mut owners).await;
            adopted.map_or_else(Adopted::Failed, Adopted::Done)
        };
        results.push((candidate.schema, result));
    }
    Ok(results)
}

/// Runs the query in a read-only transaction, and groups its rows by schema.
async fn candidates(db: &DatabaseConnection, sql: &str) -> Result<Vec<Candidate>, CliError> {
    let sql = sql.trim_end().trim_end_matches(';');
    // PostgreSQL converts all types to JSON. The line break ends a comment.
    let sql = format!("SELECT pg_catalog.to_jsonb(adopted)::text FROM (\n{sql}\n) AS adopted");
    let transaction = db.begin_with_config(None, Some(AccessMode::ReadOnly)).await?;
    let found = texts(&transaction, &sql, []).await;
    transaction.rollback().await?;
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut index_by_schema = HashMap::new();
    for text in found? {
        let row: Value = serde_json::from_str(&text).map_err(|error| DbErr::Custom(error.to_string()))?;
        let schema = text_of(&row, "schema_name").ok_or(CliError::NoSchemaName)?;
        let index = *index_by_schema.entry(schema.clone()).or_insert_with(|| {
            candidates.push(Candidate {
                schema,
                name: text_of(&row, "name"),
                kind: text_of(&row, "kind"),
                domains: Vec::new(),
            });
            candidates.len() - 1
        });
        if let Some(domain) = text_of(&row, "domain") {
            let is_primary = row["is_primary"] == Value::Bool(true);
            candidates[index].domains.push((domain, is_primary));
        }
    }
    Ok(candidates)
}

fn text_of(row: &Value, column: &str) -> Option<String> {
    row[column]
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// Returns the schemas of the catalog's tenants, in lower case.
async fn known_schemas(db: &DatabaseConnection) -> Result<HashSet<String>, CliError> {
    if !catalog::exists(db).await? {
        return Ok(HashSet::new());
    }
    let tenants = SeaOrmStore::new(db.clone())
        .list()
        .await
        .map_err(LookupError::from)?;
    let names = tenants
        .iter()
        .map(|tenant| tenant.schema().as_str().to_ascii_lowercase());
    Ok(names.collect())
}

async fn adopt_one(
    context: &Context<'_>,
    db: &DatabaseConnection,
    args: &AdoptArgs,
    candidate: &Candidate,
    owners: &mut Owners,
) -> Result<Tenant, CliError> {
    let schema = SchemaName::new(&candidate.schema)?;
    let (primary, more_domains) = split_domains(candidate)?;
    owners.add(&schema, primary.iter().chain(&more_domains))?;
    let name = candidate.name.clone().unwrap_or_else(|| schema.to_string());
    let kind = candidate.kind.as_deref().or(args.new.kind.as_deref());
    let new = NewTenant {
        domain: primary,
        kind: kind.unwrap_or(DEFAULT_KIND).to_owned(),
        reuses_name: args.new.reuse_name,
        ..NewTenant::new(schema, name)
    };
    let options = AdoptOptions {
        more_domains,
        is_dry_run: args.dry_run,
    };
    let adopted = adopt(db, context.migrations, &new, &args.applied(), options).await;
    Ok(adopted?)
}

/// Returns the primary domain, which is the first one if none is marked, and the others.
fn split_domains(candidate: &Candidate) -> Result<(Option<Host>, Vec<Host>), CliError> {
    let domains = candidate.domains.iter();
    let hosts: Result<Vec<_>, _> = domains.map(|(name, _)| parse_host(name)).collect();
    let mut hosts = hosts?;
    if hosts.is_empty() {
        return Ok((None, hosts));
    }
    let primary = candidate.domains.iter().position(|(_, is_primary)| *is_primary);
    let primary = hosts.swap_remove(primary.unwrap_or_default());
    hosts.retain(|host| *host != primary);
    hosts.sort_unstable();
    hosts.dedup();
    Ok((Some(primary), hosts))
}

fn parse_host(domain: &str) -> Result<Host, CliError> {
    Host::parse(domain).map_err(|source| CliError::Domain {
        domain: domain.to_owned(),
        source,
    })
}

/// The schema of each domain so far. A dry run leaves nothing in the catalog with which a domain could collide.
#[derive(Default)]
struct Owners(HashMap<Host, SchemaName>);

impl Owners {
    fn add<'a>(
        &mut self,
        schema: &SchemaName,
        hosts: impl Iterator<Item = &'a Host>,
    ) -> Result<(), CliError> {
        for host in hosts {
            if let Some(owner) = self.0.insert(host.clone(), schema.clone()) {
                return Err(CliError::DomainOfTwo {
                    domain: host.clone(),
                    schema: owner,
                });
            }
        }
        Ok(())
    }
}

/// Writes the result for each tenant.
fn show(
    adopted: &[(String, Adopted)],
    is_dry_run: bool,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let done = if is_dry_run { "would be adopted" } else { "adopted" };
    let mut table = plain_table(["schema", "domain", "result"]);
    for (schema, result) in adopted {
        let (domain, result) = match result {
            Adopted::Done(tenant) => (tenant.domain().unwrap_or("-"), done.to_owned()),
            Adopted::Known => ("-", "is a tenant already".to_owned()),
            Adopted::Shared => ("-", "is the shared schema".to_owned()),
            Adopted::Failed(error) => ("-", format!("FAILED: {error}")),
        };
        table.add_row([schema.as_str(), domain, &result]);
    }
    writeln!(out, "{}\n", table.trim_fmt())?;
    let count = |is: fn(&Adopted) -> bool| adopted.iter().filter(|(_, result)| is(result)).count();
    writeln!(
        out,
        "{} {done}, {} there already, {} failed",
        count(|result| matches!(result, Adopted::Done(_))),
        count(|result| matches!(result, Adopted::Known)),
        count(|result| matches!(result, Adopted::Failed(_))),
    )?;
    Ok(())
}

/// Writes what remains to be done after the adoption.
fn show_left_to_do(
    context: &Context<'_>,
    adopted: &[(String, Adopted)],
    leftovers: &[(String, i64)],
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let versions = context.migrations.versions();
    let is_behind = |result: &Adopted| match result {
        Adopted::Done(tenant) => matches!(versions.compare(tenant), VersionSkew::Behind { .. }),
        _ => false,
    };
    let behind = adopted.iter().filter(|(_, result)| is_behind(result)).count();
    writeln!(out, "\nLeft to do:")?;
    if behind > 0 {
        writeln!(out, "- `up` runs the pending migrations of {behind} tenants")?;
    }
    if adopted
        .iter()
        .any(|(_, result)| matches!(result, Adopted::Shared))
    {
        writeln!(
            out,
            "- `tenant create public --domain HOST` makes the tenant of the main site"
        )?;
    }
    writeln!(out, "- `audit` finds what could lead from one tenant to another")?;
    for (table, schemas) in leftovers {
        writeln!(
            out,
            "- {table} is in {schemas} schemas, and nothing here uses it: drop it by a migration when there is no way back"
        )?;
    }
    Ok(())
}

/// Tables in which other libraries record their migrations.
const LEDGERS: &str = "django_migrations,schema_migrations,ar_internal_metadata";

/// Returns the tables that other libraries record their migrations in, with the number of schemas that have them.
async fn leftovers(db: &DatabaseConnection) -> Result<Vec<(String, i64)>, DbErr> {
    let sql = "SELECT relname::text AS name, count(*) AS schemas FROM pg_catalog.pg_class
        WHERE relkind = 'r' AND relname = ANY (string_to_array($1, ',')) GROUP BY relname ORDER BY relname";
    let found = rows(db, sql, [LEDGERS.into()]).await?;
    found
        .iter()
        .map(|row| Ok((row.try_get("", "name")?, row.try_get("", "schemas")?)))
        .collect()
}

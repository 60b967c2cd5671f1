//! `tenant` and its subcommands.

mod adopt;
mod adopt_from_query;
mod args;
mod clone;
mod create;
mod lifecycle;
mod list;
mod pool;
mod results;
mod run;
mod schema;
mod selected_tenants;
mod show;
mod sql;
mod tenant_table;
mod transfer;

use std::io::{self, Write};

use tenant_core::{Host, SchemaName, Tenant};

use crate::{
    cli::{Context, error::CliError},
    lifecycle::NewTenant,
};

pub use adopt::AdoptArgs;
pub use args::{ChangeCommand, DomainCommand, Switch, TenantCommand, WorkArgs};
pub use pool::PoolCommand;
pub use schema::SchemaCommand;
pub use transfer::{ExportArgs, ImportArgs};

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
            from,
            reuse_name,
        } => {
            let new = new_tenant(SchemaName::new(schema)?, name, domain, reuse_name)?;
            let template = from.map(SchemaName::new).transpose()?;
            create::run(context, new, kind, template, out).await
        }
        TenantCommand::Clone {
            source,
            schema,
            name,
            domain,
            kind,
            structure_only,
        } => {
            let options = clone::Options {
                source: SchemaName::new(source)?,
                new: new_tenant(SchemaName::new(schema)?, name, domain, false)?,
                kind,
                is_structure_only: structure_only,
            };
            clone::run(context, options, out).await
        }
        TenantCommand::List {
            status,
            kind,
            behind,
            json,
        } => {
            let filter = list::Filter { status, kind, behind };
            list::run(context, &filter, json, out).await
        }
        TenantCommand::Show { schema, json } => {
            show::run(context, &SchemaName::new(schema)?, json, out).await
        }
        TenantCommand::Sql {
            statement,
            work,
            write,
        } => sql::run(context, &statement, write, &work, out).await,
        TenantCommand::Run { name, work } => run::run(context, &name, &work, out).await,
        TenantCommand::Domain(command) => show::domain(context, command, out).await,
        TenantCommand::Adopt(args) => adopt::run(context, &args, out).await,
        TenantCommand::Export(args) => transfer::export(context, args, out).await,
        TenantCommand::Import(args) => transfer::import(context, args, out).await,
        TenantCommand::Pool(command) => pool::run(context, command, out).await,
        TenantCommand::Schema(command) => schema::run(context, command, out).await,
        TenantCommand::Change(command) => lifecycle::run(context, command, out).await,
    }
}

/// Returns a new tenant. Its default name is its schema's.
fn new_tenant(
    schema: SchemaName,
    name: Option<String>,
    domain: Option<String>,
    reuse_name: bool,
) -> Result<NewTenant, CliError> {
    let name = name.unwrap_or_else(|| schema.to_string());
    let mut new = NewTenant::new(schema, name);
    if let Some(domain) = domain {
        new = new.domain(parse_host(domain)?);
    }
    Ok(if reuse_name { new.reuse_name() } else { new })
}

/// Returns the end of a message about a tenant: " at DOMAIN", or nothing if the tenant has no domain.
fn at_domain(tenant: &Tenant) -> String {
    let domain = tenant.domain().map(|domain| format!(" at {domain}"));
    domain.unwrap_or_default()
}

/// Warns of a tenant without a domain whose schema's name cannot be a label of a host name.
fn warn_of_name(tenant: &Tenant, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let schema = tenant.schema();
    if tenant.is_public() || tenant.domain().is_some() || Host::parse(schema.as_str()).is_ok() {
        return Ok(());
    }
    writeln!(
        out,
        "warning: no host name can have {schema} in it. Give the tenant a domain without that: \
         `tenant domain add {schema} HOST`"
    )
}

/// Parses a domain of the command line.
fn parse_host(domain: String) -> Result<Host, CliError> {
    Host::parse(&domain).map_err(|source| CliError::Domain { domain, source })
}

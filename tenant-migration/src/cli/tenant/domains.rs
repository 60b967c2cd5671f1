//! `tenant domain`.

use clap::Subcommand;
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};
use tenant_core::{Domain, Host, SchemaName, catalog::domain};

use crate::{
    cli::tenant::with_delay,
    lifecycle::{LifecycleError, add_domain, list_domains, remove_domain, set_primary_domain},
};

const ADD: &str = "\
Example:
  migration tenant domain add acme www.example.com --primary";

/// Commands for the domains of a tenant.
#[derive(Debug, Subcommand)]
pub(crate) enum DomainCommand {
    /// List the domains of a tenant, the primary one first
    List {
        /// The tenant's schema
        schema: SchemaName,

        /// Show the domains as JSON
        #[arg(long)]
        json: bool,
    },
    /// Add a domain to a tenant. The first domain becomes the primary one
    #[command(after_long_help = ADD)]
    Add {
        /// The tenant's schema
        schema: SchemaName,

        /// The domain, such as `acme.example.com`, or `*.acme.com` for each host one label below
        domain: Domain,

        /// Make it the primary domain, which links use
        #[arg(long)]
        primary: bool,
    },
    /// Remove a domain from a tenant. The primary domain can only be removed as the last one
    Remove {
        /// The tenant's schema
        schema: SchemaName,

        /// The domain
        domain: Domain,
    },
    /// Make one of a tenant's domains its primary domain, which links use
    Primary {
        /// The tenant's schema
        schema: SchemaName,

        /// The domain
        host: Host,
    },
}

pub(super) async fn run(db: &DatabaseConnection, command: DomainCommand) -> Result<String, LifecycleError> {
    let schema = match command {
        DomainCommand::List { schema, json: true } => {
            return Ok(format!("{:#}", to_json(&list_domains(db, &schema).await?)));
        }
        DomainCommand::List { schema, .. } => {
            return Ok(describe_all(&list_domains(db, &schema).await?).join("\n"));
        }
        DomainCommand::Add {
            schema,
            domain,
            primary,
        } => {
            add_domain(db, &schema, domain, primary).await?;
            schema
        }
        DomainCommand::Remove { schema, domain } => {
            remove_domain(db, &schema, domain).await?;
            schema
        }
        DomainCommand::Primary { schema, host } => {
            set_primary_domain(db, &schema, &host).await?;
            schema
        }
    };
    let domains = match &*describe_all(&list_domains(db, &schema).await?) {
        [] => "none".to_owned(),
        domains => domains.join(", "),
    };
    Ok(with_delay(&format!("the domains of {schema}: {domains}")))
}

pub(super) fn describe_all(domains: &[domain::Model]) -> Vec<String> {
    let describe = |row: &domain::Model| match row.is_primary {
        true => format!("{} (primary)", row.domain),
        false => row.domain.clone(),
    };
    domains.iter().map(describe).collect()
}

pub(super) fn to_json(domains: &[domain::Model]) -> Value {
    let domain = |row: &domain::Model| json!({ "domain": row.domain, "primary": row.is_primary });
    domains.iter().map(domain).collect()
}

//! `tenant adopt`.

use std::io::Write;

use tenant_core::{SchemaName, Tenant, VersionSkew};

use crate::{
    cli::{
        Context,
        error::CliError,
        tenant::{adopt_from_query, new_tenant},
    },
    lifecycle::{AdoptOptions, Applied, NewTenant, adopt},
};

/// Arguments of `tenant adopt`.
#[derive(Debug, clap::Args)]
#[non_exhaustive]
pub struct AdoptArgs {
    /// The exact name of the schema
    #[arg(required_unless_present = "from_query", conflicts_with = "from_query")]
    pub schema: Option<String>,

    /// A query for the tenants of another multitenancy library. It returns `schema_name`, and may return `name`, `domain`,
    /// `is_primary` and `kind`. A tenant with several domains has several rows. Tenants of the catalog are left out
    #[arg(long, value_name = "SQL")]
    pub from_query: Option<String>,

    /// Only these schemas of the query
    #[arg(
        long,
        value_name = "SCHEMA,...",
        value_delimiter = ',',
        requires = "from_query"
    )]
    pub only: Vec<String>,

    /// Do everything, show the result, and roll it back
    #[arg(long)]
    pub dry_run: bool,

    /// The customer's name. Default: the schema's name
    #[arg(long, conflicts_with = "from_query")]
    pub name: Option<String>,

    /// The tenant's primary domain, such as `acme.example.com`
    #[arg(long, value_name = "HOST", conflicts_with = "from_query")]
    pub domain: Option<String>,

    /// The tenant's kind, which groups tenants
    #[arg(long, default_value = tenant_core::DEFAULT_KIND)]
    pub kind: String,

    /// The last migration whose tables the schema already has. It and those before it are recorded and not run. Default:
    /// none
    #[arg(long, value_name = "MIGRATION", conflicts_with = "applied_all")]
    pub applied_to: Option<String>,

    /// Record all migrations without running them, because the schema already has their tables
    #[arg(long)]
    pub applied_all: bool,

    /// Reuse the name of a dropped tenant's schema. Work that still runs for the dropped tenant then reaches the rows of
    /// this one
    #[arg(long)]
    pub reuse_name: bool,
}

impl AdoptArgs {
    fn tenant(&self, schema: &str) -> Result<NewTenant, CliError> {
        let schema = SchemaName::new(schema)?;
        let new = new_tenant(schema, self.name.clone(), self.domain.clone(), self.reuse_name)?;
        Ok(new.kind(&self.kind))
    }

    pub(super) fn applied(&self) -> Applied {
        match &self.applied_to {
            Some(last) => Applied::To(last.clone()),
            None if self.applied_all => Applied::All,
            None => Applied::None,
        }
    }
}

pub(super) async fn run(
    context: &Context<'_>,
    args: &AdoptArgs,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let Some(schema) = &args.schema else {
        return adopt_from_query::run(context, args, out).await;
    };
    let new = args.tenant(schema)?;
    let options = AdoptOptions {
        is_dry_run: args.dry_run,
        ..AdoptOptions::default()
    };
    let db = context.connect().await?;
    let adopted = adopt(&db, context.migrations, &new, &args.applied(), options).await;
    db.close().await?;
    let tenant = adopted?;
    let verb = if args.dry_run { "would adopt" } else { "adopted" };
    writeln!(out, "{verb} tenant {}", tenant.schema())?;
    show_pending(context, &tenant, out)?;
    writeln!(
        out,
        "run `audit` to find what could lead from it to another tenant"
    )?;
    Ok(())
}

/// Writes the number of pending migrations, if there are any.
pub(super) fn show_pending(
    context: &Context<'_>,
    tenant: &Tenant,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let skew = context.migrations.versions().compare(tenant);
    if let VersionSkew::Behind { pending } = skew {
        let schema = tenant.schema();
        writeln!(
            out,
            "{pending} migrations are pending: `up --tenant {schema}` runs them"
        )?;
    }
    Ok(())
}

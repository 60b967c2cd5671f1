//! `tenant create`, `clone` and `adopt`.

use std::io::Write;

use sea_orm::DatabaseConnection;
use tenant_core::{
    DEFAULT_KIND, Host, SchemaName, Tenant, VersionSkew,
    catalog::{SeaOrmStore, TenantStore as _},
};

use crate::{
    cli::{Context, error::CliError, tenant::adopt_from_query},
    define::LookupError,
    lifecycle::{
        AdoptOptions, Applied, CloneData, Cloned, NewTenant, adopt as adopt_schema, clone_tenant,
        create_tenant, create_tenant_from,
    },
};

/// Arguments of `tenant create`.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// The tenant's schema: 1 to 63 ASCII letters, digits, `_` and `-`. `public` creates the public tenant, the main
    /// site, which has no schema of its own
    schema: SchemaName,

    #[command(flatten)]
    new: NewTenantArgs,

    /// The schema of a template. The new tenant is a copy of it, with its rows. Use an archived tenant as a template: it
    /// has no traffic. `up --tenant TEMPLATE` keeps it migrated
    #[arg(long, value_name = "TEMPLATE")]
    from: Option<SchemaName>,
}

/// Arguments of `tenant clone`.
#[derive(Debug, clap::Args)]
pub(crate) struct CloneArgs {
    /// The schema of the source tenant
    source: SchemaName,

    /// The schema of the new tenant: 1 to 63 ASCII letters, digits, `_` and `-`
    schema: SchemaName,

    #[command(flatten)]
    new: NewTenantArgs,

    /// Copy tables without their rows
    #[arg(long)]
    structure_only: bool,
}

/// Arguments of `tenant adopt`.
#[derive(Debug, clap::Args)]
pub(crate) struct AdoptArgs {
    /// The exact name of the schema
    #[arg(required_unless_present = "from_query")]
    schema: Option<SchemaName>,

    /// A query for the tenants of another multitenancy library. It returns `schema_name`, and may return `name`, `domain`,
    /// `is_primary` and `kind`. A tenant with several domains has several rows. Tenants of the catalog are left out
    #[arg(long, value_name = "SQL", conflicts_with_all = ["schema", "name", "domain"])]
    pub(super) from_query: Option<String>,

    /// Only these schemas of the query
    #[arg(
        long,
        value_name = "SCHEMA,...",
        value_delimiter = ',',
        requires = "from_query"
    )]
    pub(super) only: Vec<String>,

    /// Do everything, show the result, and roll it back
    #[arg(long)]
    pub(super) dry_run: bool,

    #[command(flatten)]
    pub(super) new: NewTenantArgs,

    /// The last migration whose tables the schema already has. It and those before it are recorded and not run. Default:
    /// none
    #[arg(long, value_name = "MIGRATION", conflicts_with = "applied_all")]
    applied_to: Option<String>,

    /// Record all migrations without running them, because the schema already has their tables
    #[arg(long)]
    applied_all: bool,
}

impl AdoptArgs {
    /// Returns the migrations whose changes the schemas already have.
    pub(super) fn applied(&self) -> Applied {
        match &self.applied_to {
            Some(last) => Applied::To(last.clone()),
            None if self.applied_all => Applied::All,
            None => Applied::None,
        }
    }
}

/// A new tenant.
#[derive(Debug, clap::Args)]
pub(super) struct NewTenantArgs {
    /// The customer's name. Default: the schema's name
    #[arg(long)]
    name: Option<String>,

    /// The tenant's primary domain, such as `acme.example.com`
    #[arg(long, value_name = "HOST")]
    domain: Option<Host>,

    /// The tenant's kind, which groups tenants. Default: `default`, or the kind of the tenant that is copied
    #[arg(long)]
    pub(super) kind: Option<String>,

    /// Reuse the name of a dropped tenant's schema, 90 s after the drop. Work that still runs for the dropped tenant then
    /// reaches the rows of this one
    #[arg(long)]
    pub(super) reuse_name: bool,
}

impl NewTenantArgs {
    /// Returns the new tenant. If it is a copy, `source` is the schema of the tenant that is copied.
    async fn tenant(
        self,
        db: &DatabaseConnection,
        schema: SchemaName,
        source: Option<&SchemaName>,
    ) -> Result<NewTenant, CliError> {
        let kind = match (self.kind, source) {
            (Some(kind), _) => kind,
            (None, Some(source)) => kind_of(db, source).await?,
            (None, None) => DEFAULT_KIND.to_owned(),
        };
        let name = self.name.unwrap_or_else(|| schema.to_string());
        Ok(NewTenant {
            domain: self.domain,
            kind,
            reuses_name: self.reuse_name,
            ..NewTenant::new(schema, name)
        })
    }
}

/// Returns the kind of the source tenant. If there is no such tenant, it returns the default kind, and copying fails later.
async fn kind_of(db: &DatabaseConnection, source: &SchemaName) -> Result<String, LookupError> {
    let found = SeaOrmStore::new(db.clone()).by_schema(source).await?;
    Ok(found.as_ref().map_or(DEFAULT_KIND, Tenant::kind).to_owned())
}

pub(super) async fn create(
    context: &Context<'_>,
    db: &DatabaseConnection,
    args: CreateArgs,
) -> Result<String, CliError> {
    let (migrations, template) = (context.migrations, args.from);
    let new = args.new.tenant(db, args.schema, template.as_ref()).await?;
    let (tenant, left_out) = match &template {
        Some(template) => {
            let cloned = create_tenant_from(db, migrations, template, &new).await?;
            (cloned.tenant, cloned.left_out)
        }
        None => (create_tenant(db, migrations, &new).await?, Vec::new()),
    };
    let from = template.map(|template| format!(" from {template}"));
    let (from, at_domain) = (from.unwrap_or_default(), at_domain(&tenant));
    let done = match tenant.is_public() {
        true => format!("created the public tenant{at_domain}"),
        false => format!("created tenant {}{from}{at_domain}", tenant.schema()),
    };
    Ok(done + &without(&left_out) + &warning_of_name(&tenant))
}

pub(super) async fn clone(
    context: &Context<'_>,
    db: &DatabaseConnection,
    args: CloneArgs,
) -> Result<String, CliError> {
    let source = args.source;
    let new = args.new.tenant(db, args.schema, Some(&source)).await?;
    let data = match args.structure_only {
        true => CloneData::Structure,
        false => CloneData::Rows,
    };
    let Cloned { tenant, left_out } = clone_tenant(db, context.migrations, &source, &new, data).await?;
    let (schema, at_domain) = (tenant.schema(), at_domain(&tenant));
    let done = format!("copied tenant {source} to {schema}{at_domain}");
    Ok(done + &without(&left_out) + &warning_of_name(&tenant))
}

/// Returns the lines that say what a copy is without.
fn without(left_out: &[String]) -> String {
    let line = |object| format!("\nleft out: {object}, which is outside of the schema");
    left_out.iter().map(line).collect()
}

pub(super) async fn adopt(
    context: &Context<'_>,
    db: &DatabaseConnection,
    args: AdoptArgs,
    out: &mut (dyn Write + Send),
) -> Result<String, CliError> {
    let (applied, is_dry_run) = (args.applied(), args.dry_run);
    let Some(schema) = args.schema else {
        adopt_from_query::run(context, db, &args, out).await?;
        return Ok(String::new());
    };
    let options = AdoptOptions {
        is_dry_run,
        ..AdoptOptions::default()
    };
    let new = args.new.tenant(db, schema, None).await?;
    let tenant = adopt_schema(db, context.migrations, &new, &applied, options).await?;
    let verb = if is_dry_run { "would adopt" } else { "adopted" };
    let done = format!("{verb} tenant {}", tenant.schema());
    Ok(with_advice(context, &tenant, done))
}

/// Returns a message about a tenant whose tables were not made here, with what to do next.
pub(super) fn with_advice(context: &Context<'_>, tenant: &Tenant, mut message: String) -> String {
    if let VersionSkew::Behind { pending } = context.migrations.versions().compare(tenant) {
        let schema = tenant.schema();
        message += &format!("\n{pending} migrations are pending: `up --tenant {schema}` runs them");
    }
    message + "\nrun `audit` to find what could lead from it to another tenant"
}

/// Returns the end of a message about a tenant: " at DOMAIN", or nothing if the tenant has no domain.
pub(super) fn at_domain(tenant: &Tenant) -> String {
    let domain = tenant.domain().map(|domain| format!(" at {domain}"));
    domain.unwrap_or_default()
}

/// Returns a warning of a tenant without a domain whose schema's name cannot be a label of a host name, or nothing.
fn warning_of_name(tenant: &Tenant) -> String {
    let schema = tenant.schema();
    if tenant.is_public() || tenant.domain().is_some() || Host::parse(schema.as_str()).is_ok() {
        return String::new();
    }
    format!(
        "\nwarning: no host name can have {schema} in it. Give the tenant a domain without that: \
         `tenant domain add {schema} HOST`"
    )
}

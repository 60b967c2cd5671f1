//! Sign-up: creates a tenant while the application runs.

use serde::Deserialize;
use tenant_core::{Host, SchemaName, SchemaNameError, Tenant};
use tenant_migration::{LifecycleError, NameError, NewTenant, create_tenant};

use crate::{Site, error::AppError};

/// Maximum length of a tenant's name, in characters.
pub(crate) const MAX_NAME: usize = 100;

/// Input of a sign-up, from a form or from JSON.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct SignUp {
    /// The schema's name.
    pub schema: String,
    /// The tenant's name.
    pub name: String,
    /// The tenant's domain. Default: the schema's name below the main site's domain.
    pub domain: Option<String>,
}

impl SignUp {
    /// Returns the domain, unless it is empty as in a form that was not filled in.
    pub(crate) fn domain(&self) -> Option<&str> {
        let domain = self.domain.as_deref().map(str::trim);
        domain.filter(|domain| !domain.is_empty())
    }
}

/// Creates the tenant. Its site works as soon as this returns.
pub(crate) async fn sign_up(site: &Site, main: &Tenant, input: &SignUp) -> Result<Tenant, AppError> {
    let new = checked(input, main)?;
    let created = create_tenant(site.tenants.shared_connection(), &site.migrations, &new).await;
    let tenant = created.map_err(|error| refused(error, input))?;
    site.tenants.forget_hosts();
    tracing::info!(new_tenant = %tenant.schema(), "a tenant signed up");
    Ok(tenant)
}

fn checked(input: &SignUp, main: &Tenant) -> Result<NewTenant, AppError> {
    let name = checked_name(&input.name)?;
    let schema = SchemaName::for_tenant(&input.schema).map_err(|error| bad_schema(&error))?;
    let domain = match input.domain() {
        None => default_domain(&schema, main)?,
        Some(domain) => {
            Host::parse(domain).map_err(|error| AppError::invalid("domain", error.to_string()))?
        }
    };
    Ok(NewTenant::new(schema, name).domain(domain))
}

fn checked_name(name: &str) -> Result<&str, AppError> {
    let name = name.trim();
    if name.is_empty() {
        return Err(AppError::invalid("name", "What is the company called?"));
    }
    if name.chars().count() > MAX_NAME {
        return Err(AppError::invalid(
            "name",
            format!("This is longer than {MAX_NAME} characters."),
        ));
    }
    if name.contains(char::is_control) {
        return Err(AppError::invalid(
            "name",
            "This has a character that cannot be stored.",
        ));
    }
    Ok(name)
}

fn default_domain(schema: &SchemaName, main: &Tenant) -> Result<Host, AppError> {
    let domain = Host::parse(&format!("{schema}.{}", base_domain(main)));
    domain.map_err(|_| {
        AppError::invalid(
            "schema",
            "This cannot be part of a web address: use letters, digits, and hyphens between them.",
        )
    })
}

/// Returns the main site's domain, below which a new tenant gets its default domain. Default: `localhost`.
pub(crate) fn base_domain(main: &Tenant) -> &str {
    main.domain().unwrap_or("localhost")
}

fn bad_schema(error: &SchemaNameError) -> AppError {
    let message = match error {
        SchemaNameError::Empty => "Choose a short name.".to_owned(),
        SchemaNameError::Character { character, .. } => {
            format!("Use letters, digits and hyphens, and no {character:?}.")
        }
        SchemaNameError::Reserved(_) | SchemaNameError::Shared(_) => {
            "This short name is reserved, choose another one.".to_owned()
        }
        error => error.to_string(),
    };
    AppError::invalid("schema", message)
}

fn refused(error: LifecycleError, input: &SignUp) -> AppError {
    match error {
        LifecycleError::Name(NameError::SchemaTaken { .. }) => {
            AppError::taken("schema", "This short name is taken, choose another one.")
        }
        LifecycleError::Name(NameError::DomainTaken { .. }) => {
            // A default domain comes from the short name, so the short name is the field to change.
            let field = input.domain().map_or("schema", |_| "domain");
            AppError::taken(field, "This address is taken, choose another one.")
        }
        error => error.into(),
    }
}

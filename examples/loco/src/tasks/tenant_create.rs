//! [`TenantCreate`]: `cargo loco task tenant:create schema:acme name:Acme domain:acme.localhost`.

use example_migration::migrations;
use loco_rs::prelude::*;
use tenant_core::Host;
use tenant_migration::{NewTenant, create_tenant};

use super::schema_name;

/// Creates a tenant with its schema and all migrations. The schema `public` makes the main site.
pub struct TenantCreate;

#[async_trait]
impl Task for TenantCreate {
    fn task(&self) -> TaskInfo {
        TaskInfo {
            name: "tenant:create".to_owned(),
            detail: "Creates a tenant: schema:acme name:Acme domain:acme.localhost".to_owned(),
        }
    }

    async fn run(&self, ctx: &AppContext, vars: &task::Vars) -> Result<()> {
        let schema = schema_name(vars.cli_arg("schema")?)?;
        let domain = Host::parse(vars.cli_arg("domain")?).map_err(Error::msg)?;
        let new = NewTenant::new(schema, vars.cli_arg("name")?).domain(domain);
        let tenant = create_tenant(&ctx.db, &migrations(), &new).await;
        println!("{} is created", tenant.map_err(Error::msg)?.schema());
        Ok(())
    }
}

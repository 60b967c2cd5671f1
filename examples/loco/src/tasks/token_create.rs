//! [`TokenCreate`]: `cargo loco task token:create schema:acme pid:ada`.

use loco_rs::{auth::jwt::JWT, prelude::*};
use serde_json::Map;

use super::schema_name;
use crate::initializers::tenants::{TENANT_CLAIM, tenants};

/// Prints a token for a user of a tenant. An application with passwords does the same where a user logs in.
pub struct TokenCreate;

#[async_trait]
impl Task for TokenCreate {
    fn task(&self) -> TaskInfo {
        TaskInfo {
            name: "token:create".to_owned(),
            detail: "Prints a token for a user of a tenant: schema:acme pid:ada".to_owned(),
        }
    }

    async fn run(&self, ctx: &AppContext, vars: &task::Vars) -> Result<()> {
        let schema = schema_name(vars.cli_arg("schema")?)?;
        let tenant = tenants(ctx)?.by_schema(&schema).await.map_err(Error::msg)?;
        let tenant = tenant.ok_or_else(|| Error::string(&format!("there is no tenant {schema}")))?;
        let config = ctx.config.get_jwt_config()?;
        let claims = Map::from_iter([(TENANT_CLAIM.to_owned(), tenant.id().0.into())]);
        let token = JWT::new(&config.secret).generate_token(
            config.expiration,
            vars.cli_arg("pid")?.to_owned(),
            claims,
        );
        println!("{}", token.map_err(Error::msg)?);
        Ok(())
    }
}

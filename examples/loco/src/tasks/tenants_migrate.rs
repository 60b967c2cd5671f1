//! [`TenantsMigrate`]: `cargo loco task tenants:migrate`.

use example_migration::migrations;
use loco_rs::prelude::*;
use sea_orm::ConnectOptions;
use tenant_migration::{Action, Executor, Outcome, Target};

/// Migrates the shared schema, then all tenants.
pub struct TenantsMigrate;

#[async_trait]
impl Task for TenantsMigrate {
    fn task(&self) -> TaskInfo {
        TaskInfo {
            name: "tenants:migrate".to_owned(),
            detail: "Migrates the shared schema, then all tenants".to_owned(),
        }
    }

    /// The executor has connections of its own. A tenant that fails does not stop the others; the next run does what is left.
    async fn run(&self, ctx: &AppContext, _: &task::Vars) -> Result<()> {
        let mut options = ConnectOptions::new(&ctx.config.database.uri);
        options.sqlx_logging(ctx.config.database.enable_logging);
        let executor = Executor::connect(options, migrations()).await;
        let executor = executor.map_err(Error::msg)?;
        let plan = executor
            .plan(&Target::All, Action::UP)
            .await
            .map_err(Error::msg)?;
        let report = executor.run(plan, &mut ()).await;
        executor.close().await?;
        for schema in report.into_result().map_err(Error::msg)?.schemas {
            match schema.outcome {
                Outcome::Done(steps) => println!("{}: {} migrations", schema.schema, steps.len()),
                _ => println!("{}: up to date", schema.schema),
            }
        }
        Ok(())
    }
}

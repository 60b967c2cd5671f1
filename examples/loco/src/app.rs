//! [`App`]: the parts of the application, as Loco's hooks.

use std::path::Path;

use async_trait::async_trait;
use loco_rs::{
    Error, Result,
    app::{AppContext, Hooks, Initializer},
    bgworker::{BackgroundWorker, Queue},
    boot::{BootResult, StartMode, create_app},
    config::Config,
    controller::AppRoutes,
    environment::Environment,
    task::Tasks,
};
use tenant_core::{SkewPolicy, Tenants};

use crate::{
    controllers, initializers::tenants::TenantsInitializer, migrator::Migrator, tasks,
    workers::digest::DigestWorker,
};

/// The application.
pub struct App;

#[async_trait]
impl Hooks for App {
    fn app_name() -> &'static str {
        env!("CARGO_CRATE_NAME")
    }

    fn app_version() -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    async fn boot(mode: StartMode, environment: &Environment, config: Config) -> Result<BootResult> {
        create_app::<Self, Migrator>(mode, environment, config).await
    }

    /// Makes the handle of the tenants on Loco's connections, for requests, workers and tasks alike.
    async fn after_context(ctx: AppContext) -> Result<AppContext> {
        let versions = example_migration::migrations().versions();
        let tenants = Tenants::builder()
            .expect_versions(versions, SkewPolicy::Refuse)
            .listen_url(&ctx.config.database.uri)
            .from_connection(ctx.db.clone())
            .await
            .map_err(Error::msg)?;
        ctx.shared_store.insert(tenants);
        Ok(ctx)
    }

    async fn initializers(_: &AppContext) -> Result<Vec<Box<dyn Initializer>>> {
        Ok(vec![Box::new(TenantsInitializer)])
    }

    fn routes(_: &AppContext) -> AppRoutes {
        AppRoutes::with_default_routes() // controller routes below
            .add_route(controllers::home::routes())
            .add_route(controllers::auth::routes())
            .add_route(controllers::notes::routes())
    }

    async fn connect_workers(ctx: &AppContext, queue: &Queue) -> Result<()> {
        queue.register(DigestWorker::build(ctx)).await?;
        Ok(())
    }

    fn register_tasks(tasks: &mut Tasks) {
        tasks.register(tasks::tenants_migrate::TenantsMigrate);
        tasks.register(tasks::tenant_create::TenantCreate);
        tasks.register(tasks::token_create::TokenCreate);
        tasks.register(tasks::notes_purge::NotesPurge);
        // tasks-inject (do not remove)
    }

    /// Refuses `db truncate` and `dangerously_truncate`, which name no tenant.
    async fn truncate(_: &AppContext) -> Result<()> {
        Err(Error::string(
            "truncate names no tenant, so nothing is deleted: use a task that deletes the rows of one tenant",
        ))
    }

    /// Refuses `db seed`, which names no tenant.
    async fn seed(_: &AppContext, _: &Path) -> Result<()> {
        Err(Error::string(
            "seed names no tenant, so nothing is written: write the first rows of new tenants in `TenantHooks::seed`",
        ))
    }
}

//! Migrations for the shared schema and for every tenant's, and the making of tenants.
//!
//! An application writes two ordinary SeaORM migrators, one for the shared schema and one that runs in the
//! schema of every tenant, and puts them together as [`Migrations`]. From there on:
//!
//! - **Plan, act, report.** What every schema has is read first, in a few queries; a [`Plan`] says what will
//!   be done; the [`Executor`] does it and the [`Report`] says what happened to every schema. A tenant that
//!   fails does not stop the others; running again does what is left.
//! - **A tenant's migrations see that tenant only.** They run with a `search_path` of the tenant's schema, so
//!   `note` is the tenant's table and a shared table is named in full, `public.plan`. With `public` behind
//!   it, `DROP TABLE IF EXISTS plan` in a tenant's migration would drop the table of all tenants.
//! - **All or nothing.** All pending migrations of a schema are one transaction, and so is
//!   [`create_tenant`]: a crash leaves nothing half made. (Migrations that cannot run in a transaction are
//!   run apart, and one that uses an enum value of another begins a new transaction. A tenant that such migrations
//!   create is not served before all of it is there.)
//! - **Once.** Whoever works on a schema holds its lock, and reads its ledger again after getting it.
//! - The ledgers are those of `sea-orm-migration`, one in each schema.
//!
//! The [`guide`] shows all of it by commands.
//!
//! # Example
//! ```
//! mod shared {
//!     use sea_orm_migration::prelude::*;
//!
//!     pub struct Migrator;
//!
//!     impl MigratorTrait for Migrator {
//!         fn migrations() -> Vec<Box<dyn MigrationTrait>> {
//!             tenant_migration::catalog::migrations() // then the application's own
//!         }
//!     }
//! }
//!
//! mod tenant {
//!     use sea_orm_migration::{prelude::*, schema::*};
//!
//!     pub struct Migrator;
//!
//!     impl MigratorTrait for Migrator {
//!         fn migrations() -> Vec<Box<dyn MigrationTrait>> {
//!             vec![Box::new(CreateNote)]
//!         }
//!     }
//!
//!     struct CreateNote;
//!
//!     impl MigrationName for CreateNote {
//!         fn name(&self) -> &str {
//!             "m20260101_000001_create_note"
//!         }
//!     }
//!
//!     #[async_trait::async_trait]
//!     impl MigrationTrait for CreateNote {
//!         async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
//!             let note = Table::create().table("note").col(pk_auto("id")).to_owned();
//!             manager.create_table(note).await
//!         }
//!     }
//! }
//!
//! use tenant_migration::{Action, Executor, Migrations, Target};
//!
//! pub fn migrations() -> Migrations {
//!     Migrations::new(shared::Migrator, tenant::Migrator)
//! }
//!
//! // At the start of a program, say. A migration crate has `cli::run_cli` as its whole `main` instead.
//! pub async fn migrate(url: &str) -> Result<(), Box<dyn std::error::Error>> {
//!     let executor = Executor::connect(url, migrations()).await?;
//!     let plan = executor.plan(&Target::All, Action::UP).await?;
//!     let report = executor.run(plan, &mut ()).await;
//!     executor.close().await?;
//!     report.into_result()?;
//!     Ok(())
//! }
//! ```
//!
//! # Features
//! | feature | |
//! |---|---|
//! | `cli` (default) | [`cli`], the command line that `sea-orm-cli migrate` runs, [`export_tenant`] and [`import_tenant`] |
//! | `test-util` | [`test_util`], databases and tenants for an application's tests |
//! | `runtime-tokio` (default), `runtime-tokio-native-tls`, `runtime-tokio-rustls` | passed through to SeaORM |

#![cfg_attr(docsrs, feature(doc_cfg))]

// The floors from the top down are test_util, cli, transfer, lifecycle, run, schema, plan, define, database. Each uses only
// those below it: `scripts/floors` checks that.
#[cfg(feature = "cli")]
pub mod cli;
mod database;
mod define;
#[cfg(doc)]
#[doc = include_str!("docs/guide.md")]
pub mod guide {}
mod lifecycle;
mod plan;
mod run;
mod schema;
#[cfg(feature = "test-util")]
pub mod test_util;
#[cfg(feature = "cli")]
mod transfer;

pub use database::SessionError;
pub use define::{
    LookupError, Migrating, MigrationSet, Migrations, RoleError, Seeding, Step, TenantHooks, TenantRoles,
    catalog,
};
pub use lifecycle::{
    Applied, CloneData, Cloned, DEFAULT_DROP_BATCH, DropOptions, Dropped, LifecycleError, NAME_REUSE_AGE,
    NameError, NewTenant, Pool, RenameOptions, SchemaRenamed, TenantChanges, add_domain, adopt_schema,
    archive_tenant, clone_tenant, create_tenant, create_tenant_from, drain_pool, drop_tenant, fill_pool,
    list_domains, remove_domain, rename_schema, resume_tenant, set_maintenance, set_primary_domain,
    suspend_tenant, update_tenant,
};
pub use plan::{
    Action, Canary, DEFAULT_ATTEMPTS, DEFAULT_JOBS, DEFAULT_LOCK_TIMEOUT, Failed, MigrationFailure,
    NotReached, Observer, Outcome, Plan, PlanError, Report, RunOptions, SchemaError, SchemaPlan,
    SchemaReport, SchemaStatus, Target, TenantSelection, migration_failures,
};
pub use run::{Executor, Preview, TaskError, for_each_tenant};
pub use schema::{drop_tenant_role, grant_tenant_role, tenant_transaction, tenant_transaction_with};
#[cfg(feature = "cli")]
pub use transfer::{
    ImportOptions, PgPrograms, ProgramError, TransferError, export_tenant, import_tenant, replace_tenant,
};

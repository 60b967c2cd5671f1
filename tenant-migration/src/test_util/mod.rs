//! Databases and tenants for tests, with the feature `test-util`.
//!
//! [`TestTenants`] gives each test tenants of its own, with all migrations, within milliseconds. [`TestDatabase`] is an empty
//! database of one test. Both are removed at the end of the test, also after a panic. What a killed process leaves behind is
//! removed by the next one.
//!
//! The server is the one of the environment variable `DATABASE_URL`, whose user must be allowed to create databases. The
//! database in the URL is connected to and not changed.
//!
//! # Example
//! ```no_run
//! # use sea_orm_migration::prelude::*;
//! # struct Migrator;
//! # impl MigratorTrait for Migrator {
//! #     fn migrations() -> Vec<Box<dyn MigrationTrait>> { vec![] }
//! # }
//! # fn migrations() -> tenant_migration::Migrations { tenant_migration::Migrations::new(Migrator, Migrator) }
//! # mod note {
//! #     use sea_orm::entity::prelude::*;
//! #     #[tenant_core::tenant]
//! #     #[sea_orm::model]
//! #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
//! #     #[sea_orm(table_name = "note")]
//! #     pub struct Model {
//! #         #[sea_orm(primary_key)]
//! #         pub id: i32,
//! #         pub title: String,
//! #     }
//! #     impl ActiveModelBehavior for ActiveModel {}
//! # }
//! use sea_orm::{ActiveModelTrait, EntityTrait, Set};
//! use tenant_migration::test_util::{TestTenants, assert_isolated};
//!
//! #[tokio::test]
//! # async fn attribute() {}
//! async fn notes_of_one_tenant() {
//!     let test = TestTenants::start(migrations()).await;
//!     let acme = test.tenant("acme").await;
//!     let globex = test.tenant("globex").await;
//!
//!     let new = note::ActiveModel { title: Set("a".to_owned()), ..Default::default() };
//!     new.insert(acme.db()).await.unwrap();
//!     assert!(note::Entity::find().all(globex.db()).await.unwrap().is_empty());
//!     assert_isolated::<note::Entity>(&acme, &globex).await;
//! }
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

mod database;
mod isolation;
mod leftovers;
mod template;
mod tenants;

pub use database::TestDatabase;
pub use isolation::assert_isolated;
pub use leftovers::drop_leftovers;
pub use tenants::{DEFAULT_TEST_POOL, TestTenant, TestTenants, TestTenantsBuilder};

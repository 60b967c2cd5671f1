//! Utilities of the integration tests: servers, poolers, and a proxy that injects faults.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

mod hosts;
mod median;
mod pooler;
mod processor;
mod programs;
mod proxy;
pub mod relay;
mod server;

use tenant_core::{SchemaName, Tenant, TenantConnection, Tenants};

pub use hosts::Hosts;
pub use median::median;
pub use pooler::{PoolMode, Pooler};
pub use processor::{OWN_PROCESS, processor_time};
pub use programs::pg_programs;
pub use server::TestServer;
pub use tenant_migration::test_util::TestDatabase;

pub use proxy::{Counts, Direction, Fault, Faults, Firing, Proxy, Rule};

/// SeaORM's SQL for a select of an entity with a join. Benchmarks measure with it how long compiling takes.
pub const SELECT_WITH_JOIN: &str = r#"SELECT "note"."id", "note"."title", "plan"."name" AS "plan_name" FROM "$tenant"."note"
    LEFT JOIN "public"."plan" ON "note"."plan" = "plan"."code"
    WHERE "note"."title" LIKE $1 AND "note"."id" > $2 ORDER BY "note"."id" ASC LIMIT $3"#;

/// Returns the connection of a tenant from the catalog.
///
/// # Panics
/// If the catalog has no tenant with this schema.
pub async fn connection_of(tenants: &Tenants, schema: &str) -> TenantConnection {
    let schema = SchemaName::new(schema).expect("a schema name");
    let tenant: Option<Tenant> = tenants.by_schema(&schema).await.expect("the catalog");
    tenants.connection(&tenant.expect("a tenant"))
}

/// The README, so that its examples are compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

//! Notes, a small multi-tenant application on [Loco](https://loco.rs), in the layout of `loco new`.
//!
//! [`initializers::tenants`] finds the tenant of each request. Handlers extract a
//! [`TenantConnection`](tenant_core::TenantConnection) in the place of `ctx.db`, and models take one. Entities and migrations
//! are those of the other examples.

pub mod app;
pub mod controllers;
pub mod initializers;
pub mod migrator;
pub mod models;
pub mod tasks;
pub mod views;
pub mod workers;

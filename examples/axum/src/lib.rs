//! Notes, a small multi-tenant web application: the main site, where tenants sign up, and a site for each tenant,
//! all in one process on one database.
//!
//! | host | routes |
//! |---|---|
//! | the public tenant's | the landing page, `POST /signup`, `GET\|POST /api/tenants` |
//! | a tenant's | its notes, `/api/notes`, `/api/plans`, `/api/stats`, `/api/whoami` |
//! | any other | 404 |
//!
//! An application needs little code for its tenants: [`app`] puts one layer around the routes, handlers extract a
//! [`TenantConnection`](tenant_core::TenantConnection), and no query names a tenant. This example has no users and no
//! login: anybody can sign up and write.

mod api;
mod app;
mod config;
mod error;
mod logs;
mod notes;
mod pages;
mod plans;
mod shutdown;
mod signup;

pub use app::app;
pub use config::{Config, ConfigError, LogFormat};
pub use logs::start as start_logs;
pub use shutdown::{GRACE, requested as shutdown_requested};

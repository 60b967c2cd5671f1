//! Notes, a small multi-tenant web application: the main site, where tenants sign up, and a site for each tenant,
//! all in one process on one database.
//!
//! | host | routes |
//! |---|---|
//! | the public tenant's | the landing page, `POST /signup`, `GET\|POST /api/tenants`, `/operator` |
//! | a tenant's | its notes, `/api/notes`, `/api/plans`, `/api/stats`, `/api/whoami` |
//! | any other | 404 |
//!
//! With `METRICS_ADDRESS`, `/metrics` at that address has the figures of the process for Prometheus.
//!
//! This crate is everything that needs no web framework. Its handlers take the tenant's connection and the input, and
//! return an [`Answer`]. `example-axum` and `example-actix` have the routes and the extractors, and nothing else.
//!
//! An application needs little code for its tenants: one layer around the routes, handlers that extract a
//! [`TenantConnection`](tenant_core::TenantConnection), and no query that names a tenant. This example has no users and
//! no login: anybody can sign up and write. Only the page of the [`operator`] needs a token.

mod answer;
pub mod api;
mod config;
mod error;
mod head;
pub mod logs;
mod metrics;
mod notes;
pub mod operator;
pub mod pages;
mod plans;
mod run;
mod shutdown;
mod signup;
mod site;

pub use answer::{Answer, CACHE_CONTROL, SECURITY_HEADERS};
pub use config::{Config, ConfigError, LogFormat};
pub use error::{AppError, FieldError};
pub use head::Head;
pub use metrics::{Metrics, Recorder};
pub use notes::NoteInput;
pub use run::run;
pub use shutdown::{GRACE, requested as shutdown_requested};
pub use signup::SignUp;
pub use site::Site;

/// Maximum of a request's body: 256 KiB. It fits the longest note in any encoding of its characters.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

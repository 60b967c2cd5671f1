//! The application of [`example_app`] on axum: routes, extractors, and conversions of answers.
//!
//! [`app`] puts one layer around the routes. Handlers extract a
//! [`TenantConnection`](tenant_core::TenantConnection) or a [`Tenant`](tenant_core::Tenant).

mod api;
mod app;
mod head;
mod metrics;
mod pages;
mod reply;
mod serve;

pub use app::app;
pub use metrics::metrics;
pub use serve::{serve, serve_metrics};

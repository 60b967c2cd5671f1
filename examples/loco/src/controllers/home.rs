//! The first page of the main site and of each tenant.

use loco_rs::prelude::*;
use tenant_core::Tenant;

use crate::views::home::HomeResponse;

async fn current(tenant: Tenant) -> Result<Response> {
    format::json(HomeResponse::new(&tenant))
}

/// Returns the routes.
pub fn routes() -> Routes {
    Routes::new().add("/", get(current))
}

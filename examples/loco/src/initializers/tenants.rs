//! [`TenantsInitializer`]: puts the layer around all routes that finds the tenant of a request.

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use async_trait::async_trait;
use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use loco_rs::{
    Error, Result,
    app::{AppContext, Initializer},
    auth::jwt::UserClaims,
    controller::extractor::auth,
};
use tenant_core::{
    Tenant, Tenants,
    axum::TenantLayer,
    resolve::{RequestHead, Resolver},
};

/// The claim of a token that has the id of its tenant.
pub const TENANT_CLAIM: &str = "tenant";

/// Returns the handle of the tenants, which [`App`](crate::app::App) put into the shared store.
///
/// # Errors
/// [`Error`] if it is not there.
pub fn tenants(ctx: &AppContext) -> Result<Tenants> {
    let tenants = ctx.shared_store.get::<Tenants>();
    tenants.ok_or_else(|| Error::string("the shared store has no tenants: `after_context` puts them there"))
}

/// Finds the tenant of each request by its host, and refuses tokens of other tenants.
pub struct TenantsInitializer;

#[async_trait]
impl Initializer for TenantsInitializer {
    fn name(&self) -> String {
        "tenants".to_owned()
    }

    async fn after_routes(&self, router: Router, ctx: &AppContext) -> Result<Router> {
        let layer = TenantLayer::new(tenants(ctx)?).resolver(Resolver::default().guard(is_token_of_tenant));
        // The last one is the first to see a request.
        Ok(router
            .layer(layer)
            .layer(from_fn_with_state(ctx.clone(), read_token)))
    }
}

/// Puts the claims of a valid token into the request's extensions. A handler with `auth::JWT` answers 401 if there is none.
async fn read_token(State(ctx): State<AppContext>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    if let Ok(token) = auth::extract_jwt_from_request_parts(&parts, &ctx) {
        parts.extensions.insert(Arc::new(token.claims));
    }
    next.run(Request::from_parts(parts, body)).await
}

/// True without a token, or with one of this tenant. All tenants' tokens are signed with one secret.
fn is_token_of_tenant(head: &RequestHead<'_>, tenant: &Tenant) -> Ready<bool> {
    let claims = head.extension::<Arc<UserClaims>>();
    ready(claims.is_none_or(|token| token.claims.get(TENANT_CLAIM) == Some(&tenant.id().0.into())))
}

//! [`TenantData`]: the extractor of the application's own data of a tenant.

use std::{any::Any, ops::Deref, sync::Arc};

use super::rejection::Rejection;
use crate::connection::TenantConnection;

/// Extractor of the data of the request's tenant, which the loader of
/// [`TenantsBuilder::with_data`](crate::TenantsBuilder::with_data) returned. For axum and actix-web.
///
/// Without a loader, with another type, or without a layer around the route, the answer is 500, and the log says why.
///
/// # Example
/// ```
/// use tenant_core::web::TenantData;
///
/// struct Plan {
///     seats: u32,
/// }
///
/// async fn seats(plan: TenantData<Plan>) -> String {
///     format!("{} seats", plan.seats)
/// }
/// ```
#[derive(Debug)]
pub struct TenantData<T>(pub Arc<T>);

impl<T> Clone for TenantData<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for TenantData<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Any + Send + Sync> TenantData<T> {
    /// Returns the data of the tenant of a request's connection.
    pub(super) fn of(connection: Option<&TenantConnection>) -> Result<Self, Rejection> {
        let tenant = connection.ok_or(Rejection::NoLayer)?.tenant();
        Ok(Self(tenant.shared_data()?))
    }
}

//! Resolution of a request to its tenant, for all frameworks.

use super::rejection::Rejection;
use crate::{
    connection::TenantConnection,
    host::request_host,
    tenant::{Tenant, TenantStatus},
    tenants::Tenants,
};

/// Returns the connection for a request with this authority in its target and these `Host` headers.
pub(super) async fn resolve<'a>(
    tenants: &Tenants,
    authority: Option<&str>,
    headers: impl IntoIterator<Item = &'a [u8]>,
) -> Result<TenantConnection, Rejection> {
    let host = request_host(authority, headers)?;
    let tenant = tenants.by_host(&host).await?.ok_or(Rejection::UnknownHost)?;
    check_served(&tenant)?;
    check_version(tenants, &tenant)?;
    Ok(tenants.connection(&tenant))
}

fn check_served(tenant: &Tenant) -> Result<(), Rejection> {
    match tenant.status() {
        TenantStatus::Active => Ok(()),
        status => Err(Rejection::NotServed(status)),
    }
}

/// Comes after the check of the status, whose answer has priority.
fn check_version(tenants: &Tenants, tenant: &Tenant) -> Result<(), Rejection> {
    let Some(check) = tenants.version_check() else {
        return Ok(());
    };
    if check.refuses(tenant) {
        return Err(Rejection::Behind);
    }
    check.warn(tenant);
    Ok(())
}

/// Returns the span for log lines of a tenant's request.
pub(super) fn span(tenant: &Tenant) -> tracing::Span {
    tracing::info_span!("tenant", schema = %tenant.schema())
}

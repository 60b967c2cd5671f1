//! The one way from a request to its tenant, whatever the framework.

use super::rejection::Rejection;
use crate::{
    connection::TenantConnection,
    host::request_host,
    tenant::{Tenant, TenantStatus},
    tenants::Tenants,
};

/// The connection for a request with this authority in its target and these `Host` headers.
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

/// After the status: a tenant that is not served says so, whatever its version.
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

/// The span that the log lines of a tenant's request are in.
pub(super) fn span(tenant: &Tenant) -> tracing::Span {
    tracing::info_span!("tenant", schema = %tenant.schema())
}

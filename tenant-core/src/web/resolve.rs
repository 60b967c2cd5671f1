//! Resolution of a request to its tenant, for all frameworks.

use std::net::IpAddr;

use super::rejection::Rejection;
use crate::{
    connection::TenantConnection,
    resolve::{PathPrefix, RequestHead, Resolved, Resolver, TenantKey},
    tenant::Tenant,
    tenants::Tenants,
};

/// A request whose tenant was found and is served.
#[derive(Debug)]
#[non_exhaustive]
pub struct TenantRequest {
    /// The connection of the tenant.
    pub connection: TenantConnection,
    /// The part of the path that named the tenant. Remove it before you match routes.
    pub path_prefix: PathPrefix,
}

/// Finds the tenant of a request, for frameworks other than axum and actix-web. `peer` is the address from which the
/// request comes; it is needed if proxies are trusted.
///
/// # Errors
/// [`Rejection`] if the request has no tenant, or one that is not served.
///
/// # Example
/// ```
/// use http::request::Parts;
/// use tenant_core::{TenantConnection, Tenants, resolve::Resolver, web::{self, Rejection}};
///
/// async fn connection(tenants: &Tenants, parts: &Parts) -> Result<TenantConnection, Rejection> {
///     let found = web::resolve(tenants, &Resolver::default(), parts, None).await?;
///     Ok(found.connection)
/// }
/// ```
pub async fn resolve(
    tenants: &Tenants,
    resolver: &Resolver,
    parts: &http::request::Parts,
    peer: Option<IpAddr>,
) -> Result<TenantRequest, Rejection> {
    resolve_from(tenants, resolver, &Http { parts, peer }).await
}

/// A request of a framework. The head is read twice and not kept, because actix's extensions cannot be borrowed while
/// something is awaited.
pub(super) trait HeadSource {
    fn read<T>(&self, read: impl FnOnce(&RequestHead<'_>) -> T) -> T;
}

struct Http<'a> {
    parts: &'a http::request::Parts,
    peer: Option<IpAddr>,
}

impl HeadSource for Http<'_> {
    fn read<T>(&self, read: impl FnOnce(&RequestHead<'_>) -> T) -> T {
        read(&RequestHead::of_parts(self.parts).with_peer(self.peer))
    }
}

pub(super) async fn resolve_from(
    tenants: &Tenants,
    resolver: &Resolver,
    source: &impl HeadSource,
) -> Result<TenantRequest, Rejection> {
    let (named, path_prefix) = source.read(|head| {
        let named = resolver.resolve(head)?;
        let removed = named.as_ref().map_or(0, |named| named.path_prefix);
        // A resolver of the application may not count in whole characters.
        let path_prefix = PathPrefix::new(head.path().get(..removed).unwrap_or_default());
        Ok::<_, Rejection>((named, path_prefix))
    })?;
    let tenant = find(tenants, resolver, named).await?;
    tenants.check_served(&tenant)?;
    let guard = source.read(|head| resolver.ask_guard(head, &tenant));
    if let Some(guard) = guard
        && !guard.await
    {
        return Err(Rejection::Mismatch);
    }
    Ok(TenantRequest {
        connection: tenants.connection(&tenant),
        path_prefix,
    })
}

/// Looks the tenant up. The tenant for requests that name none also stands in for hosts that nobody has.
async fn find(tenants: &Tenants, resolver: &Resolver, named: Option<Resolved>) -> Result<Tenant, Rejection> {
    if let Some(named) = named {
        if let Some(tenant) = tenants.find(&named.key).await? {
            return Ok(tenant);
        }
        if !matches!(named.key, TenantKey::Host(_)) {
            return Err(Rejection::UnknownTenant);
        }
    }
    let key = resolver.default_key().ok_or(Rejection::UnknownTenant)?;
    tenants.find(&key).await?.ok_or(Rejection::UnknownTenant)
}

/// Returns the target of a request without the prefix: `/notes?page=2` for `/t/acme/notes?page=2`.
#[cfg(any(feature = "axum", feature = "actix"))]
pub(super) fn without_prefix(path: &str, query: Option<&str>, prefix: &PathPrefix) -> Option<String> {
    let rest = path.strip_prefix(prefix.as_str())?;
    let slash = if rest.starts_with('/') { "" } else { "/" };
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    Some(format!("{slash}{rest}{query}"))
}

#[cfg(all(test, any(feature = "axum", feature = "actix")))]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_its_prefix_is_a_path() {
        let prefix = PathPrefix::new("/t/acme");
        for (path, query, expected) in [
            ("/t/acme", None, "/"),
            ("/t/acme/", None, "/"),
            ("/t/acme", Some("page=2"), "/?page=2"),
            ("/t/acme/notes/7", Some(""), "/notes/7?"),
            ("/t/acme//x", None, "//x"),
            ("/t/acme/%2e%2e/x", None, "/%2e%2e/x"),
        ] {
            assert_eq!(without_prefix(path, query, &prefix).as_deref(), Some(expected));
        }
    }
}

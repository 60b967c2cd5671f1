//! [`ByPath`], and [`PathPrefix`] for links.

use std::{fmt, sync::Arc};

use super::{KeyKind, RequestHead, Resolve, ResolveError, Resolved};

/// Finds the tenant by one segment of the path, and removes it before the routes are matched: `/t/acme/notes/7` is the
/// route `/notes/{id}` of the tenant `acme`. [`PathPrefix`] leads back: it makes `/t/acme/notes` of `/notes`.
///
/// The segment is not decoded, so a tenant has one spelling. A path without the prefix names no tenant, nor does one
/// that ends with the prefix.
///
/// All tenants share one origin, so they share cookies, storage and scripts of the browser. Set the `Path` of cookies to
/// the prefix, and use hosts for tenants that do not trust each other's pages.
///
/// Put the layer of axum around the router and not on it, because `Router::layer` runs after the routes were matched:
///
/// # Example
/// ```no_run
/// # fn example(tenants: tenant_core::Tenants) -> axum::Router {
/// use axum::{Router, extract::Path, routing::get};
/// use tenant_core::{axum::TenantLayer, resolve::{ByPath, PathPrefix, Resolver}};
/// use tower_layer::Layer as _;
///
/// let routes: Router = Router::new().route(
///     "/notes/{id}",
///     get(async |Path(id): Path<i32>, prefix: PathPrefix| format!("{id} of {}", prefix.path("/notes"))),
/// );
/// let layer = TenantLayer::new(tenants).resolver(Resolver::new(ByPath::prefix("/t")));
/// Router::new().fallback_service(layer.layer(routes))
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ByPath {
    /// `/t`, or nothing.
    prefix: String,
    kind: KeyKind,
}

impl ByPath {
    /// Reads the segment after this prefix, such as `/t`. With `/`, it is the first segment.
    #[must_use]
    pub fn prefix(prefix: impl AsRef<str>) -> Self {
        let prefix = prefix.as_ref().trim_matches('/');
        Self {
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                format!("/{prefix}")
            },
            kind: KeyKind::default(),
        }
    }

    /// Sets the meaning of the segment. Default: [`KeyKind::Schema`].
    #[must_use]
    pub fn kind(mut self, kind: KeyKind) -> Self {
        self.kind = kind;
        self
    }
}

impl Resolve for ByPath {
    fn resolve(&self, head: &RequestHead<'_>) -> Result<Option<Resolved>, ResolveError> {
        let rest = head.path().strip_prefix(&self.prefix);
        let Some(rest) = rest.and_then(|rest| rest.strip_prefix('/')) else {
            return Ok(None);
        };
        let segment = rest.split('/').next().unwrap_or_default();
        if segment.is_empty() {
            return Ok(None);
        }
        let key = self.kind.parse(segment)?;
        let path_prefix = self.prefix.len() + 1 + segment.len();
        Ok(Some(Resolved { key, path_prefix }))
    }
}

/// The part of the path that named the tenant, which handlers do not see: `/t/acme`, or nothing where the tenant was
/// found otherwise. It is an extractor, on axum and actix-web.
///
/// # Example
/// ```
/// use tenant_core::resolve::PathPrefix;
///
/// async fn index(prefix: PathPrefix) -> String {
///     format!(r#"<a href="{}">Notes</a>"#, prefix.path("/notes"))
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PathPrefix(Option<Arc<str>>);

impl PathPrefix {
    pub(crate) fn new(prefix: &str) -> Self {
        Self((!prefix.is_empty()).then(|| prefix.into()))
    }

    /// Returns the prefix: empty, or with a slash at the start and none at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Returns the path that a browser has to ask for to reach a route.
    #[must_use]
    pub fn path(&self, route: &str) -> String {
        let slash = if route.starts_with('/') { "" } else { "/" };
        format!("{}{slash}{route}", self.as_str())
    }
}

impl fmt::Debug for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PathPrefix").field(&self.as_str()).finish()
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::resolve::resolver::tests::head;

    /// Returns the length of the prefix that is removed.
    fn removed(resolver: &ByPath, path: &str) -> Result<Option<usize>, ResolveError> {
        let found = resolver.resolve(&head("example.com", path))?;
        Ok(found.map(|found| found.path_prefix))
    }

    #[test]
    fn the_segment_after_the_prefix_names_the_tenant() {
        for prefix in ["/t", "t", "/t/"] {
            let resolver = ByPath::prefix(prefix);
            for path in [
                "/t/acme",
                "/t/acme/",
                "/t/acme/notes/7",
                "/t/acme//x",
                "/t/ACME/%2e",
            ] {
                assert_eq!(removed(&resolver, path), Ok(Some("/t/acme".len())), "{path}");
            }
            for path in [
                "/",
                "/t",
                "/t/",
                "/t//acme",
                "//t/acme",
                "/T/acme",
                "/team/acme",
                "/tacme",
                "/x/t/acme",
                "/%74/acme",
            ] {
                assert_eq!(removed(&resolver, path), Ok(None), "{path}");
            }
            for path in [
                "/t/%61cme",
                "/t/acme%2fx",
                "/t/..",
                "/t/.",
                "/t/public",
                "/t/acme;x",
                "/t/pg_x/",
            ] {
                assert_eq!(
                    removed(&resolver, path),
                    Err(ResolveError::NoSuchTenant),
                    "{path}"
                );
            }
        }
        let first = ByPath::prefix("/");
        assert_eq!(removed(&first, "/acme/notes"), Ok(Some("/acme".len())));
        assert_eq!(removed(&first, "/"), Ok(None));
        let nested = ByPath::prefix("/api/v1");
        assert_eq!(removed(&nested, "/api/v1/acme"), Ok(Some("/api/v1/acme".len())));
        assert_eq!(removed(&nested, "/api/v10/acme"), Ok(None));
    }

    #[test]
    fn links_lead_back() {
        let prefix = PathPrefix::new("/t/acme");
        assert_eq!(prefix.path("/notes"), "/t/acme/notes");
        assert_eq!(prefix.path("notes"), "/t/acme/notes");
        assert_eq!(PathPrefix::default().path("/notes"), "/notes");
    }

    proptest! {
        #[test]
        fn what_is_removed_and_what_remains_are_the_path(path in "(/t)?(/[a-zA-Z0-9_%.;-]{0,6}){0,4}") {
            let resolver = ByPath::prefix("/t");
            let request = if path.is_empty() { "/" } else { &path };
            if let Ok(Some(length)) = removed(&resolver, request) {
                let (prefix, rest) = request.split_at(length);
                prop_assert!(prefix.starts_with("/t/") && !prefix.ends_with('/'));
                prop_assert!(rest.is_empty() || rest.starts_with('/'));
                let link = PathPrefix::new(prefix).path(rest);
                prop_assert_eq!(link.trim_end_matches('/'), request.trim_end_matches('/'));
            }
        }
    }
}

//! [`ByClaim`].

use std::{fmt, marker::PhantomData};

use super::{RequestHead, Resolve, ResolveError, Resolved, TenantKey};

/// Finds the tenant by a value that the application's authentication put into the request's extensions, such as the
/// claims of a checked token. The authentication must be around the layer or middleware of the tenants.
///
/// # Example
/// ```
/// use tenant_core::{TenantId, resolve::{ByClaim, Resolver, TenantKey}};
///
/// #[derive(Clone)]
/// struct Claims { tenant: i64 }
///
/// let resolver = Resolver::new(ByClaim::new(|claims: &Claims| Some(TenantKey::Id(TenantId(claims.tenant)))));
/// ```
pub struct ByClaim<T, F> {
    key: F,
    claim: PhantomData<fn(&T)>,
}

impl<T, F> ByClaim<T, F>
where
    T: Send + Sync + 'static,
    F: Fn(&T) -> Option<TenantKey> + Send + Sync,
{
    /// Reads the key in a `T`. A request without a `T`, or without a key in it, names no tenant.
    pub fn new(key: F) -> Self {
        Self {
            key,
            claim: PhantomData,
        }
    }
}

impl<T, F> Resolve for ByClaim<T, F>
where
    T: Send + Sync + 'static,
    F: Fn(&T) -> Option<TenantKey> + Send + Sync,
{
    fn resolve(&self, head: &RequestHead<'_>) -> Result<Option<Resolved>, ResolveError> {
        let key = head.extension::<T>().and_then(|claim| (self.key)(claim));
        Ok(key.map(Resolved::from))
    }
}

impl<T, F> fmt::Debug for ByClaim<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ByClaim")
            .field(&std::any::type_name::<T>())
            .finish()
    }
}

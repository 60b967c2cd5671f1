//! The tenant that the current task works for, for logs and the like. Nothing picks a schema by it.

use std::future::Future;

use crate::tenant::Tenant;

tokio::task_local! {
    static CURRENT: Tenant;
}

/// The tenant that the current task works for, if it is known.
///
/// A task that is spawned does not inherit it, and no connection is made of it: the tenant of a statement
/// is that of the [`TenantConnection`](crate::TenantConnection) it runs on.
#[must_use]
pub fn current() -> Option<Tenant> {
    CURRENT.try_with(Tenant::clone).ok()
}

/// Runs `work` for `tenant`: [`current`] gives it there.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tenant_core::SchemaNameError> {
/// use tenant_core::{SchemaName, Tenant, TenantId, context};
///
/// let acme = Tenant::new(TenantId(1), SchemaName::new("acme")?, "Acme");
/// let name = context::scope(acme, async { context::current().map(|tenant| tenant.name().to_owned()) }).await;
/// assert_eq!(name.as_deref(), Some("Acme"));
/// assert_eq!(context::current(), None);
/// # Ok(())
/// # }
/// ```
pub async fn scope<F: Future>(tenant: Tenant, work: F) -> F::Output {
    CURRENT.scope(tenant, work).await
}

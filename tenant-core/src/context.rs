//! The tenant of the current task, for logs and metrics. No connection is chosen by it.

use std::future::Future;

use crate::tenant::Tenant;

tokio::task_local! {
    static CURRENT: Tenant;
}

/// Returns the tenant of the current task, if there is one.
///
/// A spawned task does not inherit it. The tenant of a statement is always the tenant of the
/// [`TenantConnection`](crate::TenantConnection) that it runs on.
#[must_use]
pub fn current() -> Option<Tenant> {
    CURRENT.try_with(Tenant::clone).ok()
}

/// Runs `work` with `tenant` as the tenant of the task: [`current`] returns it there.
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

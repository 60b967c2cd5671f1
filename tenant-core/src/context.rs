//! The tenant of the current task, for logs and metrics. No connection is chosen by it.

use std::future::Future;

use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::tenant::Tenant;

tokio::task_local! {
    static CURRENT: Tenant;
}

/// Returns the tenant of the current task, if there is one.
///
/// A spawned task inherits it from [`spawn`] alone. The tenant of a statement is always the tenant of the
/// [`TenantConnection`](crate::TenantConnection) that it runs on.
#[must_use]
pub fn current() -> Option<Tenant> {
    CURRENT.try_with(Tenant::clone).ok()
}

/// Runs `work` with `tenant` as the tenant of the task: [`current`] returns it there, and log lines are in its
/// [`span`](Tenant::span).
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
    let span = tenant.span();
    CURRENT.scope(tenant, work.instrument(span)).await
}

/// Spawns a task that keeps the tenant and the span of the current one. Use it in the place of [`tokio::spawn`] for work that
/// goes on after a request.
///
/// # Panics
/// Outside of a tokio runtime, as [`tokio::spawn`].
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tenant_core::SchemaNameError> {
/// use tenant_core::{SchemaName, Tenant, TenantId, context};
///
/// let acme = Tenant::new(TenantId(1), SchemaName::new("acme")?, "Acme");
/// let name = async { context::current().map(|tenant| tenant.name().to_owned()) };
/// let spawned = context::scope(acme, async { context::spawn(name) }).await;
/// assert_eq!(spawned.await.ok().flatten().as_deref(), Some("Acme"));
/// # Ok(())
/// # }
/// ```
pub fn spawn<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let work = work.in_current_span();
    match current() {
        Some(tenant) => tokio::spawn(CURRENT.scope(tenant, work)),
        None => tokio::spawn(work),
    }
}

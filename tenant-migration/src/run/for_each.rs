//! [`for_each_tenant`]: a task of the application's own, for many tenants.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc};

use futures_util::{
    FutureExt as _,
    stream::{self, StreamExt as _},
};
use tenant_core::{
    __private::{ShutDown, detached},
    Tenant, TenantConnection, Tenants,
    catalog::CatalogError,
    context,
};

use crate::{
    database::panic_message,
    define::LookupError,
    plan::{TenantSelection, select},
};

/// Why a task did not end well for a tenant.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError<E> {
    /// It returned an error.
    #[error("{0}")]
    Failed(E),
    /// The tenant's data could not be loaded, so the task did not begin.
    #[error(transparent)]
    Data(CatalogError),
    /// It panicked, with this message.
    #[error("it panicked: {0}")]
    Panicked(String),
    /// The runtime ended before the task did.
    #[error("the program ended before it was done")]
    Interrupted,
}

/// Runs a task for many tenants, each on its own connection, and returns the result for each: in the order of their schemas,
/// or in the order in which `selection` names them.
///
/// `jobs` tenants run at the same time, at least one. More than the pool of `tenants` has connections only wait for each
/// other.
///
/// `selection` is a [`Target`](crate::Target) or a [`TenantSelection`]. By default, suspended tenants and others that are not
/// served are left out, unless they are named.
///
/// A task that fails or panics does not stop the others. Its log lines are in a span `tenant` with the schema, as those of a
/// request are, and [`tenant_core::context::current`] returns the tenant. The tenant has its data, if the application has a
/// loader ([`tenant_core::TenantsBuilder::with_data`]). If this future is dropped, running tasks go on to
/// their end in the background, and no other one is begun.
///
/// # Errors
/// [`LookupError`] if a tenant is not there or the catalog could not be read. No task was begun then.
///
/// # Example
/// ```no_run
/// # use sea_orm::DbErr;
/// # async fn example(tenants: tenant_core::Tenants) -> Result<(), Box<dyn std::error::Error>> {
/// use sea_orm::ConnectionTrait;
/// use tenant_core::TenantConnection;
/// use tenant_migration::{Target, for_each_tenant};
///
/// async fn purge(db: TenantConnection) -> Result<u64, DbErr> {
///     let gone = db.execute_unprepared("DELETE FROM note WHERE title = ''").await?;
///     Ok(gone.rows_affected())
/// }
///
/// for (tenant, result) in for_each_tenant(&tenants, Target::AllTenants, 4, purge).await? {
///     match result {
///         Ok(gone) => println!("{}: {gone} notes", tenant.schema()),
///         Err(error) => println!("{}: {error}", tenant.schema()),
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub async fn for_each_tenant<T, E, F, W>(
    tenants: &Tenants,
    selection: impl Into<TenantSelection>,
    jobs: usize,
    task: F,
) -> Result<Vec<(Tenant, Result<T, TaskError<E>>)>, LookupError>
where
    F: Fn(TenantConnection) -> W + Send + Sync + 'static,
    W: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let selected = select(tenants, &selection.into()).await?;
    Ok(for_each(tenants, selected, jobs, Data::Load, task).await)
}

/// The application's own data of the tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Data {
    /// It is loaded before a task begins.
    Load,
    /// It is not loaded, so that an error of the loader hinders nobody.
    #[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "statements are commands"))]
    Skip,
}

/// Does the same as [`for_each_tenant`] for tenants that are selected already.
pub(crate) async fn for_each<T, E, F, W>(
    tenants: &Tenants,
    selected: Vec<Tenant>,
    jobs: usize,
    data: Data,
    task: F,
) -> Vec<(Tenant, Result<T, TaskError<E>>)>
where
    F: Fn(TenantConnection) -> W + Send + Sync + 'static,
    W: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let task = Arc::new(task);
    let begin = |(place, tenant): (usize, Tenant)| {
        let (tenants, task) = (tenants.clone(), Arc::clone(&task));
        let listed = tenant.clone();
        let work = async move {
            let tenant = match data {
                Data::Load => tenants.load_data(&listed).await.map_err(TaskError::Data)?,
                Data::Skip => listed,
            };
            let db = tenants.connection(&tenant);
            let work = context::scope(tenant, async move { task(db).await });
            work.await.map_err(TaskError::Failed)
        };
        async move {
            // It runs to its end, even if nobody waits for it any more. Cleaning up after a panic is the task's own concern.
            let result = match detached(AssertUnwindSafe(work).catch_unwind()).await {
                Ok(Ok(result)) => result,
                Ok(Err(panic)) => Err(TaskError::Panicked(panic_message(&*panic).to_owned())),
                Err(ShutDown) => Err(TaskError::Interrupted),
            };
            (place, tenant, result)
        }
    };
    let work: Vec<_> = selected.into_iter().enumerate().map(begin).collect();
    let mut done: Vec<_> = stream::iter(work).buffer_unordered(jobs.max(1)).collect().await;
    done.sort_unstable_by_key(|(place, ..)| *place);
    done.into_iter()
        .map(|(_, tenant, result)| (tenant, result))
        .collect()
}

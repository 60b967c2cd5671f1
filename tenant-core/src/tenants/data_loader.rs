//! [`DataLoader`]: the application's loader of the data of a tenant.

use std::{any::Any, error::Error, fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use sea_orm::DatabaseConnection;
use tokio::runtime::Handle;

use crate::{catalog::CatalogError, context, tenant::Tenant};

/// Longest time of the loader for one tenant.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// A loader, without the type of its data.
pub(super) struct DataLoader(Box<Load>);

type Load = dyn Fn(Tenant, DatabaseConnection) -> Loading + Send + Sync;
type Loading = Pin<Box<dyn Future<Output = Result<Tenant, Box<dyn Error + Send + Sync>>> + Send>>;

impl DataLoader {
    pub(super) fn new<T, E, F, W>(load: F) -> Self
    where
        F: Fn(Tenant, DatabaseConnection) -> W + Send + Sync + 'static,
        W: Future<Output = Result<T, E>> + Send + 'static,
        T: Any + Send + Sync,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self(Box::new(move |tenant, db| {
            let loading = load(tenant.clone(), db);
            Box::pin(async move {
                let data = loading.await.map_err(Into::into)?;
                Ok(tenant.with_data(data))
            })
        }))
    }

    /// Returns the tenant with its data.
    ///
    /// # Errors
    /// [`CatalogError::Data`] if the loader fails, and [`CatalogError::DataTimeout`] if it does not return in time.
    pub(super) async fn load(&self, tenant: Tenant, db: &DatabaseConnection) -> Result<Tenant, CatalogError> {
        let reference = tenant.reference();
        let loading = context::scope(tenant.clone(), (self.0)(tenant, db.clone()));
        // Without a runtime, there are no timers.
        let loaded = match Handle::try_current() {
            Ok(_) => tokio::time::timeout(TIMEOUT, loading).await,
            Err(_) => Ok(loading.await),
        };
        match loaded {
            Ok(Ok(tenant)) => Ok(tenant),
            Ok(Err(error)) => Err(CatalogError::Data {
                tenant: reference,
                source: Arc::from(error),
            }),
            Err(_) => Err(CatalogError::DataTimeout {
                tenant: reference,
                waited: TIMEOUT,
            }),
        }
    }
}

impl fmt::Debug for DataLoader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataLoader").finish_non_exhaustive()
    }
}

//! [`StatementGuard`]: the check of statements, for transactions that somebody else began.

use std::sync::Arc;

use sea_orm::{DatabaseTransaction, DbErr, TransactionTrait};

use super::{
    ConnectionContext, TenantTransaction,
    session::{Level, Open, Session},
};
use crate::{
    registry::RegistryError,
    sql::{Compiler, Rules},
    tenant::Tenant,
};

/// The check of statements, without connections: it puts a [`TenantTransaction`] into a transaction that is open
/// already, such as that of a migration. Cheap to clone; clones share one cache of compiled statements.
///
/// # Example
/// ```no_run
/// # use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, TransactionSession};
/// # use tenant_core::Tenant;
/// # async fn example(transaction: &DatabaseTransaction, acme: &Tenant) -> Result<(), Box<dyn std::error::Error>> {
/// use tenant_core::StatementGuard;
///
/// let guard = StatementGuard::of_program()?;
/// let db = guard.begin(transaction, acme).await?;
/// db.execute_unprepared("UPDATE note SET title = 'x'").await?;
/// db.commit().await?; // to the savepoint: the outer transaction decides
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct StatementGuard {
    compiler: Compiler,
}

impl StatementGuard {
    /// With the tables that are annotated in this program. [`TenantsBuilder::guard`](crate::TenantsBuilder::guard)
    /// makes one with more.
    ///
    /// # Errors
    /// [`RegistryError`] where an annotated entity cannot work.
    pub fn of_program() -> Result<Self, RegistryError> {
        Rules::collect().map(Compiler::new).map(Self::new)
    }

    pub(crate) fn new(compiler: Compiler) -> Self {
        Self { compiler }
    }

    /// A transaction of a tenant inside of another one, where it is a savepoint, or on a connection. Its statements
    /// run in the tenant's schema.
    ///
    /// The future is not to be dropped before it ends: a BEGIN without a caller is for connections of the library's
    /// own to survive.
    ///
    /// # Errors
    /// [`DbErr`] if it does not begin.
    pub async fn begin<C>(&self, db: &C, tenant: &Tenant) -> Result<TenantTransaction, DbErr>
    where
        C: TransactionTrait<Transaction = DatabaseTransaction>,
    {
        let context = Arc::new(ConnectionContext {
            tenant: tenant.clone(),
            compiler: self.compiler.clone(),
            changes_schema: false,
            roles: None,
        });
        let session = Arc::new(Session::new(context, true));
        let transaction = db.begin().await?;
        Ok(TenantTransaction {
            level: Arc::new(Level::outermost(session, Open::SeaOrm(transaction))),
        })
    }
}

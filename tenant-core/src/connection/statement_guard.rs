//! [`StatementGuard`]: the check of statements, for transactions that are open already.

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

/// The check of statements without a connection. It wraps an open transaction, such as a migration's, in a
/// [`TenantTransaction`]. Cheap to clone; clones share one cache of compiled statements.
///
/// # Example
/// ```no_run
/// # use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
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
    /// Creates a guard with the entities that are annotated in this program.
    /// [`TenantsBuilder::guard`](crate::TenantsBuilder::guard) creates one with more names.
    ///
    /// # Errors
    /// [`RegistryError`] if an annotated entity cannot work.
    pub fn of_program() -> Result<Self, RegistryError> {
        Rules::collect().map(Compiler::new).map(Self::new)
    }

    pub(crate) fn new(compiler: Compiler) -> Self {
        Self { compiler }
    }

    /// Begins a transaction of a tenant on a connection, or a savepoint in an open transaction. Its statements run in
    /// the tenant's schema.
    ///
    /// Do not drop the future before it ends: only connections of the library's own survive that.
    ///
    /// # Errors
    /// [`DbErr`] if the transaction does not begin.
    pub async fn begin<C>(&self, db: &C, tenant: &Tenant) -> Result<TenantTransaction, DbErr>
    where
        C: TransactionTrait<Transaction = DatabaseTransaction>,
    {
        let context = Arc::new(ConnectionContext {
            tenant: tenant.clone(),
            compiler: self.compiler.clone(),
            changes_schema: false,
            roles: None,
            extension_schemas: Arc::default(),
        });
        let session = Arc::new(Session::new(context, true));
        let transaction = db.begin().await?;
        Ok(TenantTransaction {
            level: Arc::new(Level::outermost(session, Open::SeaOrm(transaction))),
        })
    }
}

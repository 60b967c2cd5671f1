//! [`RestrictedTenantConnection`]: the connection of one user, with SeaORM's role-based access control.

use std::{fmt, future::Future, pin::Pin};

use sea_orm::{
    AccessMode, ConnectionTrait, DbBackend, DbErr, ExecResult, IsolationLevel, QueryResult,
    RestrictedConnection, Statement, StatementBuilder, TransactionError, TransactionOptions,
    TransactionSession, TransactionTrait,
    rbac::{PermissionRequest, RbacUserId, ResourceRequest},
};

use super::{TenantConnection, TenantTransaction};
use crate::{
    registry::{Lookup, Registry},
    sql::Compiler,
};

/// A tenant's connection for one user, with every statement checked against the user's roles first.
///
/// It is to a [`TenantConnection`] what SeaORM's `RestrictedConnection` is to a `DatabaseConnection`, and refuses
/// raw SQL and streams as that one does. The rules are those that `DatabaseConnection::load_rbac` loaded on
/// [`Tenants::shared_connection`](crate::Tenants::shared_connection): one set for all tenants, in the shared schema,
/// since SeaORM keeps one for each pool. Users are therefore numbered across tenants.
///
/// A table is known to the rules by its name alone, as `RbacContext::add_tables` writes it. Only a name that both a
/// tenant table and a shared table have needs the schema with it: `$tenant` or `public`.
///
/// # Example
/// ```no_run
/// # use sea_orm::{DbErr, rbac::RbacUserId};
/// # use tenant_core::{Tenant, Tenants};
/// # async fn example(tenants: &Tenants, tenant: &Tenant) -> Result<(), DbErr> {
/// tenants.shared_connection().load_rbac().await?; // once, and when the rules have changed
/// let db = tenants.connection(tenant).restricted_for(RbacUserId(7))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RestrictedTenantConnection {
    connection: TenantConnection,
    access: Access,
}

/// A transaction of a [`RestrictedTenantConnection`], with every statement checked as on that.
#[must_use = "a transaction that is dropped is rolled back"]
#[derive(Debug)]
pub struct RestrictedTenantTransaction {
    transaction: TenantTransaction,
    access: Access,
}

/// Rules of one user.
#[derive(Clone)]
struct Access {
    rules: RestrictedConnection,
    compiler: Compiler,
}

impl TenantConnection {
    /// This connection for one user, who may do what the rules of SeaORM's role-based access control say.
    ///
    /// # Errors
    /// [`DbErr::RbacError`] if no rules were loaded.
    pub fn restricted_for(&self, user: RbacUserId) -> Result<RestrictedTenantConnection, DbErr> {
        Ok(RestrictedTenantConnection {
            connection: self.clone(),
            access: Access {
                rules: self.db.restricted_for(user)?,
                compiler: self.context.compiler.clone(),
            },
        })
    }
}

impl Access {
    fn check(&self, statement: &impl StatementBuilder) -> Result<(), DbErr> {
        let audit = statement
            .audit()
            .map_err(|error| DbErr::RbacError(error.to_string()))?;
        for request in audit.requests {
            let schema = request.schema_table.0.map(|name| name.1.to_string());
            let table = request.schema_table.1.to_string();
            self.check_one(request.access_type.as_str(), self.resource(schema, table))?;
        }
        Ok(())
    }

    fn check_one(&self, action: &str, resource: ResourceRequest) -> Result<(), DbErr> {
        let permission = PermissionRequest {
            action: action.to_owned(),
        };
        let name = resource.to_string();
        if self.rules.user_can(permission, resource)? {
            return Ok(());
        }
        Err(DbErr::AccessDenied {
            permission: action.to_owned(),
            resource: name,
        })
    }

    /// One way only to write a table in the rules: with two, a rule that denies by one would be passed by the other.
    fn resource(&self, schema: Option<String>, table: String) -> ResourceRequest {
        let schema = schema.filter(|_| !has_one_home(self.compiler.rules().registry(), &table));
        ResourceRequest { schema, table }
    }
}

fn has_one_home(registry: &Registry, table: &str) -> bool {
    matches!(registry.table(table), Lookup::Tenant | Lookup::Shared(_))
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("user", &self.rules.user_id())
            .finish_non_exhaustive()
    }
}

fn raw(sql: &str) -> DbErr {
    DbErr::RbacError(format!("raw SQL is not run on a restricted connection: {sql}"))
}

impl RestrictedTenantConnection {
    /// The user whose rules they are.
    #[must_use]
    pub fn user_id(&self) -> RbacUserId {
        self.access.rules.user_id()
    }

    fn restrict(&self, transaction: TenantTransaction) -> RestrictedTenantTransaction {
        RestrictedTenantTransaction {
            transaction,
            access: self.access.clone(),
        }
    }
}

impl RestrictedTenantTransaction {
    /// The user whose rules they are.
    #[must_use]
    pub fn user_id(&self) -> RbacUserId {
        self.access.rules.user_id()
    }

    fn restrict(&self, transaction: TenantTransaction) -> Self {
        Self {
            transaction,
            access: self.access.clone(),
        }
    }

    async fn run<F, T, E>(self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>> + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        match callback(&self).await {
            Ok(value) => {
                self.commit().await?;
                Ok(value)
            }
            Err(error) => {
                self.rollback().await?;
                Err(TransactionError::Transaction(error))
            }
        }
    }
}

#[async_trait::async_trait]
impl TransactionSession for RestrictedTenantTransaction {
    async fn commit(self) -> Result<(), DbErr> {
        self.transaction.commit().await
    }

    async fn rollback(self) -> Result<(), DbErr> {
        self.transaction.rollback().await
    }
}

/// Checks, then delegates. `$inner` is what the statements run on.
macro_rules! restricted {
    ($restricted:ty, $inner:ident) => {
        #[async_trait::async_trait]
        impl ConnectionTrait for $restricted {
            fn get_database_backend(&self) -> DbBackend {
                ConnectionTrait::get_database_backend(&self.$inner)
            }

            async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
                Err(raw(&stmt.sql))
            }

            async fn execute<S: StatementBuilder>(&self, stmt: &S) -> Result<ExecResult, DbErr> {
                self.access.check(stmt)?;
                self.$inner.execute(stmt).await
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                Err(raw(sql))
            }

            async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
                Err(raw(&stmt.sql))
            }

            async fn query_one<S: StatementBuilder>(&self, stmt: &S) -> Result<Option<QueryResult>, DbErr> {
                self.access.check(stmt)?;
                self.$inner.query_one(stmt).await
            }

            async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
                Err(raw(&stmt.sql))
            }

            async fn query_all<S: StatementBuilder>(&self, stmt: &S) -> Result<Vec<QueryResult>, DbErr> {
                self.access.check(stmt)?;
                self.$inner.query_all(stmt).await
            }

            fn support_returning(&self) -> bool {
                self.$inner.support_returning()
            }

            fn is_mock_connection(&self) -> bool {
                self.$inner.is_mock_connection()
            }
        }

        #[async_trait::async_trait]
        impl TransactionTrait for $restricted {
            type Transaction = RestrictedTenantTransaction;

            async fn begin(&self) -> Result<RestrictedTenantTransaction, DbErr> {
                Ok(self.restrict(self.$inner.begin().await?))
            }

            async fn begin_with_config(
                &self,
                isolation_level: Option<IsolationLevel>,
                access_mode: Option<AccessMode>,
            ) -> Result<RestrictedTenantTransaction, DbErr> {
                let begun = self.$inner.begin_with_config(isolation_level, access_mode);
                Ok(self.restrict(begun.await?))
            }

            async fn begin_with_options(
                &self,
                options: TransactionOptions,
            ) -> Result<RestrictedTenantTransaction, DbErr> {
                Ok(self.restrict(self.$inner.begin_with_options(options).await?))
            }

            async fn transaction<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
            where
                F: for<'c> FnOnce(
                        &'c RestrictedTenantTransaction,
                    ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
                    + Send,
                T: Send,
                E: fmt::Display + fmt::Debug + Send,
            {
                self.begin().await?.run(callback).await
            }

            async fn transaction_with_config<F, T, E>(
                &self,
                callback: F,
                isolation_level: Option<IsolationLevel>,
                access_mode: Option<AccessMode>,
            ) -> Result<T, TransactionError<E>>
            where
                F: for<'c> FnOnce(
                        &'c RestrictedTenantTransaction,
                    ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
                    + Send,
                T: Send,
                E: fmt::Display + fmt::Debug + Send,
            {
                let begun = self.begin_with_config(isolation_level, access_mode);
                begun.await?.run(callback).await
            }
        }
    };
}

restricted!(RestrictedTenantConnection, connection);
restricted!(RestrictedTenantTransaction, transaction);

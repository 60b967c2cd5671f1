//! [`RestrictedTenantConnection`]: the connection of one user, with SeaORM's role-based access control.

use std::{fmt, future::Future, pin::Pin};

use sea_orm::{
    AccessMode, ConnectionTrait, DbBackend, DbErr, ExecResult, IsolationLevel, QueryResult,
    RestrictedConnection, Statement, StatementBuilder, TransactionError, TransactionOptions,
    TransactionSession, TransactionTrait,
    rbac::{
        PermissionRequest, RbacPermissionsByResources, RbacResourcesAndPermissions, RbacRoleHierarchyList,
        RbacRolesAndRanks, RbacUserId, RbacUserRolePermissions, ResourceRequest, entity::role::RoleId,
    },
};

use super::{TenantConnection, TenantTransaction, inherent::end_with};
use crate::{
    error::ConnectionError,
    registry::{Lookup, Registry},
    schema_name::{SchemaName, TENANT_MARKER},
    sql::{Compiler, TableUse},
};

/// A tenant's connection for one user, with every statement checked against the user's roles first.
///
/// It is to a [`TenantConnection`] what SeaORM's `RestrictedConnection` is to a `DatabaseConnection`, and refuses
/// raw SQL and streams as that one does. The rules are those that `DatabaseConnection::load_rbac` loaded on
/// [`Tenants::shared_connection`](crate::Tenants::shared_connection): one set for all tenants, in the shared schema,
/// since SeaORM keeps one for each pool. Users are therefore numbered across tenants.
///
/// Each table of a statement is checked, also those in subqueries and in custom SQL: `select` where it is read, and
/// `insert`, `update` or `delete` where it is changed. A function with a scope may read other tables, which is not
/// checked.
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
    /// The tenant's schema.
    schema: SchemaName,
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
                schema: self.context.schema().clone(),
            },
        })
    }
}

impl Access {
    fn allows(&self, action: PermissionRequest, resource: ResourceRequest) -> Result<bool, DbErr> {
        self.rules
            .user_can(action, self.resource(resource.schema, resource.table))
    }

    /// Returns the statement to send, if the user may run it.
    ///
    /// SeaQuery's audit leaves out tables in some places of a statement and all that is custom SQL, so the tables that
    /// the compiler finds are checked, too.
    fn check(&self, statement: &impl StatementBuilder) -> Result<Statement, DbErr> {
        let audit = statement
            .audit()
            .map_err(|error| DbErr::RbacError(error.to_string()))?;
        for request in audit.requests {
            let schema = request.schema_table.0.map(|name| name.1.to_string());
            let table = request.schema_table.1.to_string();
            self.check_one(request.access_type.as_str(), self.resource(schema, table))?;
        }
        let statement = DbBackend::Postgres.build(statement);
        let template = self.compiler.compile(&statement.sql);
        let template = template.map_err(|refusal| {
            self.compiler.count_refusal();
            ConnectionError::refused(&self.schema, refusal, &statement.sql)
        })?;
        for TableUse {
            action,
            schema,
            table,
        } in template.uses()
        {
            let schema = schema.as_deref().unwrap_or(TENANT_MARKER).to_owned();
            self.check_one(action, self.resource(Some(schema), table.clone()))?;
        }
        Ok(statement)
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
    /// Returns the roles of the user, with what they may do. A role has the permissions of its child roles.
    ///
    /// # Errors
    /// [`DbErr::RbacError`] if the user has no role.
    pub fn current_user_role_permissions(&self) -> Result<RbacUserRolePermissions, DbErr> {
        self.access.rules.current_user_role_permissions()
    }

    /// Returns all roles with their ranks: 1 and the number of child roles.
    ///
    /// # Errors
    /// [`DbErr::RbacError`] if no rules were loaded.
    pub fn roles_and_ranks(&self) -> Result<RbacRolesAndRanks, DbErr> {
        self.access.rules.roles_and_ranks()
    }

    /// Returns all resources and permissions, without wildcards.
    ///
    /// # Errors
    /// [`DbErr::RbacError`] if no rules were loaded.
    pub fn resources_and_permissions(&self) -> Result<RbacResourcesAndPermissions, DbErr> {
        self.access.rules.resources_and_permissions()
    }

    /// Returns the edges below a role in the hierarchy of roles.
    ///
    /// # Errors
    /// [`DbErr::RbacError`] if there is no such role.
    pub fn role_hierarchy_edges(&self, role: RoleId) -> Result<RbacRoleHierarchyList, DbErr> {
        self.access.rules.role_hierarchy_edges(role)
    }

    /// Returns the permissions of a role by resource, without those of its child roles.
    ///
    /// # Errors
    /// [`DbErr::RbacError`] if there is no such role.
    pub fn role_permissions_by_resources(&self, role: RoleId) -> Result<RbacPermissionsByResources, DbErr> {
        self.access.rules.role_permissions_by_resources(role)
    }

    fn restrict(&self, transaction: TenantTransaction) -> RestrictedTenantTransaction {
        RestrictedTenantTransaction {
            transaction,
            access: self.access.clone(),
        }
    }
}

impl RestrictedTenantTransaction {
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
        let result = callback(&self).await;
        end_with(self, result).await
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
        impl $restricted {
            /// Returns the user whose rules they are.
            #[must_use]
            pub fn user_id(&self) -> RbacUserId {
                self.access.rules.user_id()
            }

            /// Checks a statement by the user's rules, and does not run it.
            ///
            /// # Errors
            /// [`DbErr::AccessDenied`] if the user may not run it.
            pub fn user_can_run<S: StatementBuilder>(&self, stmt: &S) -> Result<(), DbErr> {
                self.access.check(stmt).map(drop)
            }

            /// Returns true if the user has a permission for a table.
            ///
            /// # Errors
            /// [`DbErr::RbacError`] if no rules were loaded.
            pub fn user_can<P, R>(&self, permission: P, resource: R) -> Result<bool, DbErr>
            where
                P: Into<PermissionRequest>,
                R: Into<ResourceRequest>,
            {
                self.access.allows(permission.into(), resource.into())
            }
        }

        #[async_trait::async_trait]
        impl ConnectionTrait for $restricted {
            fn get_database_backend(&self) -> DbBackend {
                ConnectionTrait::get_database_backend(&self.$inner)
            }

            async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
                Err(raw(&stmt.sql))
            }

            async fn execute<S: StatementBuilder>(&self, stmt: &S) -> Result<ExecResult, DbErr> {
                let statement = self.access.check(stmt)?;
                self.$inner.execute_raw(statement).await
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                Err(raw(sql))
            }

            async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
                Err(raw(&stmt.sql))
            }

            async fn query_one<S: StatementBuilder>(&self, stmt: &S) -> Result<Option<QueryResult>, DbErr> {
                let statement = self.access.check(stmt)?;
                self.$inner.query_one_raw(statement).await
            }

            async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
                Err(raw(&stmt.sql))
            }

            async fn query_all<S: StatementBuilder>(&self, stmt: &S) -> Result<Vec<QueryResult>, DbErr> {
                let statement = self.access.check(stmt)?;
                self.$inner.query_all_raw(statement).await
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

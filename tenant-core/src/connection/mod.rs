//! Connections of one tenant: [`TenantConnection`], its transactions and its streams. Each statement is rendered for
//! the tenant before it is sent.

mod detached;
mod inherent;
mod missing_schema;
mod pooled_statement;
#[cfg(feature = "rbac")]
mod restricted;
mod role_names;
mod role_transaction;
mod row_stream;
#[cfg(feature = "schema-sync")]
mod schema_sync;
mod session;
mod statement_guard;
mod stream;
mod transaction;
mod transaction_stream;

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, IsolationLevel,
    QueryResult, Statement, StreamTrait, TransactionError, TransactionOptions, TransactionTrait,
};

use crate::{
    error::ConnectionError,
    pool::{Execute, ExecuteUnprepared, Pool, QueryAll, QueryOne, TenantHash},
    registry::RegistryError,
    role_name::RoleName,
    schema_name::SchemaName,
    sql::{Compiler, Refusal, Rules},
    tenant::Tenant,
};

#[doc(hidden)]
pub use detached::{ShutDown, detached};
#[cfg(feature = "rbac")]
pub use restricted::{RestrictedTenantConnection, RestrictedTenantTransaction};
pub(crate) use role_names::TenantRoleNames;
#[doc(hidden)]
pub use role_names::database_name;
pub use statement_guard::StatementGuard;
pub use stream::TenantStream;
pub use transaction::TenantTransaction;
pub use transaction_stream::TenantTransactionStream;

#[doc = include_str!("../docs/connection.md")]
#[derive(Clone)]
pub struct TenantConnection {
    /// Runs the statements if there is no pool.
    db: DatabaseConnection,
    pool: Option<Pool>,
    key: TenantHash,
    context: Arc<ConnectionContext>,
}

/// Way of a single statement to the database.
#[derive(Debug, Clone, Copy)]
enum Route<'a> {
    /// On a connection of the pool.
    Pool(&'a Pool),
    /// On the application's connection, in a transaction that runs as the tenant's role.
    RoleTransaction,
    /// On the application's connection.
    Plain,
}

/// Tenant of statements, and the rules they are compiled by.
#[derive(Debug, Clone)]
struct ConnectionContext {
    tenant: Tenant,
    compiler: Compiler,
    /// True if CREATE, ALTER and DROP run.
    changes_schema: bool,
    /// Names of the roles that statements run as, if they run as a role.
    roles: Option<TenantRoleNames>,
    /// Schemas of extensions, for the search path of unguarded transactions.
    extension_schemas: Arc<[SchemaName]>,
}

impl ConnectionContext {
    fn schema(&self) -> &SchemaName {
        self.tenant.schema()
    }

    fn render(&self, sql: &str) -> Result<String, DbErr> {
        self.compiler
            .compile(sql)
            .and_then(|template| {
                if template.changes_schema() && !self.changes_schema {
                    return Err(Refusal::SchemaChange);
                }
                template.render(self.schema())
            })
            .map_err(|refusal| self.refused(refusal, sql).into())
    }

    /// Counts a refusal, and returns its error.
    fn refused(&self, refusal: Refusal, sql: &str) -> ConnectionError {
        self.compiler.count_refusal();
        ConnectionError::refused(self.schema(), refusal, sql)
    }

    fn render_statement(&self, mut statement: Statement) -> Result<Statement, DbErr> {
        statement.sql = self.render(&statement.sql)?;
        Ok(statement)
    }

    /// Replaces the marker by the tenant's schema, and checks little else.
    ///
    /// The comment makes the text unique for the tenant. The driver prepares a text once for each session, with the
    /// types of the columns that `SELECT * FROM note` has in the schema of the first tenant.
    fn render_unguarded(&self, sql: &str) -> Result<String, DbErr> {
        Compiler::pass(sql)
            .and_then(|template| template.render(self.schema()))
            .map(|text| format!("/* {} */ {text}", self.schema()))
            .map_err(|refusal| self.refused(refusal, sql).into())
    }
}

impl TenantConnection {
    /// Creates a connection of `tenant` that runs on `db`, with the entities that are annotated in this program.
    ///
    /// Applications get theirs from [`Tenants::connection`](crate::Tenants::connection) or an extractor,
    /// which share one cache of compiled statements; this one is for tests, such as those on a
    /// `MockDatabase`.
    ///
    /// # Errors
    /// [`RegistryError`] if an annotated entity cannot work.
    #[cfg_attr(feature = "mock", doc = include_str!("../docs/mock.md"))]
    pub fn new(db: DatabaseConnection, tenant: Tenant) -> Result<Self, RegistryError> {
        Ok(Self::with_compiler(
            db,
            tenant,
            Compiler::new(Rules::collect()?),
            None,
        ))
    }

    pub(crate) fn with_compiler(
        db: DatabaseConnection,
        tenant: Tenant,
        compiler: Compiler,
        roles: Option<TenantRoleNames>,
    ) -> Self {
        let key = TenantHash::of(tenant.schema().as_str());
        let context = ConnectionContext {
            tenant,
            compiler,
            changes_schema: false,
            roles,
            extension_schemas: Arc::default(),
        };
        Self {
            db,
            pool: None,
            key,
            context: Arc::new(context),
        }
    }

    /// Runs the statements on connections of a pool.
    pub(crate) fn with_pool(mut self, pool: Option<Pool>) -> Self {
        self.pool = pool;
        self
    }

    /// Adds schemas of extensions to the search path of unguarded transactions.
    pub(crate) fn with_extension_schemas(mut self, schemas: &Arc<[SchemaName]>) -> Self {
        if !schemas.is_empty() {
            Arc::make_mut(&mut self.context).extension_schemas = Arc::clone(schemas);
        }
        self
    }

    /// Returns the tenant whose schema the statements run in.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.context.tenant
    }

    /// Returns the same connection with CREATE, ALTER and DROP of the tenant's own tables, indexes and enum types
    /// allowed.
    ///
    /// Use it for SeaORM's schema builder (`apply`, `sync`). To change the schemas of all tenants, write a migration.
    ///
    /// # Example
    /// ```
    /// # use tenant_core::{SchemaName, Tenant, TenantConnection, TenantId};
    /// # let acme = Tenant::new(TenantId(1), SchemaName::new("acme")?, "Acme");
    /// let db = TenantConnection::new(sea_orm::DatabaseConnection::default(), acme)?;
    /// let sql = r#"DROP TABLE "$tenant".note"#;
    /// assert!(db.render(sql).is_err());
    /// assert_eq!(db.for_schema_changes().render(sql)?, r#"DROP TABLE "acme".note"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn for_schema_changes(&self) -> Self {
        Self {
            context: Arc::new(ConnectionContext {
                changes_schema: true,
                ..(*self.context).clone()
            }),
            ..self.clone()
        }
    }

    /// Returns the text that is sent to the database for `sql`, for tests and logs.
    ///
    /// # Errors
    /// [`DbErr`] with a [`ConnectionError`] in it if the statement is refused.
    ///
    /// # Example
    /// ```
    /// # use tenant_core::{SchemaName, Tenant, TenantConnection, TenantId};
    /// # let acme = Tenant::new(TenantId(1), SchemaName::new("acme")?, "Acme");
    /// let db = TenantConnection::new(sea_orm::DatabaseConnection::default(), acme)?;
    /// assert_eq!(db.render(r#"SELECT * FROM "$tenant".note"#)?, r#"SELECT * FROM "acme".note"#);
    /// assert!(db.render("SELECT * FROM globex.note").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn render(&self, sql: &str) -> Result<String, DbErr> {
        self.context.render(sql)
    }

    /// Begins a transaction whose statements are not checked, with the tenant's schema and then the shared schema as
    /// its `search_path`. Those of [`TenantsBuilder::extension_schemas`](crate::TenantsBuilder::extension_schemas) follow.
    ///
    /// Use it for SQL that needs a search path: `DO` blocks, COPY of files, functions without a scope, temporary
    /// tables. **A statement may name another tenant's schema here.** Statements pass as they are written. Only
    /// `"$tenant"` becomes the tenant's schema, and a comment with its name goes in front.
    ///
    /// COMMIT and other transaction control is refused, because later statements would run outside of the transaction.
    /// `DEALLOCATE ALL` is refused, and so is COPY from and to the client: SeaORM cannot send its data.
    ///
    /// The connection is closed after use, because no reset undoes all changes of a session. Opening another one takes
    /// milliseconds.
    ///
    /// # Errors
    /// [`DbErr`] if the transaction could not begin, with [`ConnectionError::NoSchema`] in it if the tenant's schema
    /// does not exist: PostgreSQL would find tables of the same names in the shared schema.
    pub async fn begin_unguarded(&self) -> Result<TenantTransaction, DbErr> {
        self.begin_unguarded_with_options(TransactionOptions::default())
            .await
    }

    /// Does the same as [`begin_unguarded`](Self::begin_unguarded), with an isolation level or an access mode. `SET
    /// TRANSACTION ISOLATION LEVEL` would come too late, after the query for the tenant's schema.
    ///
    /// # Errors
    /// The same as [`begin_unguarded`](Self::begin_unguarded).
    pub async fn begin_unguarded_with_options(
        &self,
        options: TransactionOptions,
    ) -> Result<TenantTransaction, DbErr> {
        TenantTransaction::begin_unguarded(self, options).await
    }

    /// Returns the role that transactions run as, if they run as a role.
    async fn role(&self) -> Result<Option<RoleName>, DbErr> {
        match &self.context.roles {
            Some(roles) => roles.of(&self.db, self.context.schema()).await.map(Some),
            None => Ok(None),
        }
    }

    fn route(&self) -> Route<'_> {
        match &self.pool {
            Some(pool) => Route::Pool(pool),
            None if self.context.roles.is_some() => Route::RoleTransaction,
            None => Route::Plain,
        }
    }

    async fn begin_with(
        &self,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<TenantTransaction, DbErr> {
        let options = TransactionOptions {
            isolation_level,
            access_mode,
            sqlite_transaction_mode: None,
        };
        TenantTransaction::begin(self, options).await
    }
}

impl fmt::Debug for TenantConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantConnection")
            .field("tenant", &self.context.tenant)
            .finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for TenantConnection {
    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        let stmt = self.context.render_statement(stmt)?;
        let result = match self.route() {
            Route::Pool(pool) => self.perform(pool, &Execute(&stmt)).await,
            Route::RoleTransaction => {
                role_transaction::run(self, |transaction| Box::pin(transaction.execute_rendered(stmt))).await
            }
            Route::Plain => self.db.execute_raw(stmt).await,
        };
        self.context.explain(&self.db, result).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let sql = self.context.render(sql)?;
        let result = match self.route() {
            Route::Pool(pool) => self.perform(pool, &ExecuteUnprepared(&sql)).await,
            Route::RoleTransaction => {
                role_transaction::run(self, |transaction| {
                    Box::pin(async move { transaction.execute_unprepared_rendered(&sql).await })
                })
                .await
            }
            Route::Plain => self.db.execute_unprepared(&sql).await,
        };
        self.context.explain(&self.db, result).await
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        let stmt = self.context.render_statement(stmt)?;
        let result = match self.route() {
            Route::Pool(pool) => self.perform(pool, &QueryOne(&stmt)).await,
            Route::RoleTransaction => {
                role_transaction::run(self, |transaction| Box::pin(transaction.query_one_rendered(stmt)))
                    .await
            }
            Route::Plain => self.db.query_one_raw(stmt).await,
        };
        self.context.explain(&self.db, result).await
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let stmt = self.context.render_statement(stmt)?;
        let result = match self.route() {
            Route::Pool(pool) => self.perform(pool, &QueryAll(&stmt)).await,
            Route::RoleTransaction => {
                role_transaction::run(self, |transaction| Box::pin(transaction.query_all_rendered(stmt)))
                    .await
            }
            Route::Plain => self.db.query_all_raw(stmt).await,
        };
        self.context.explain(&self.db, result).await
    }

    fn support_returning(&self) -> bool {
        self.db.support_returning()
    }

    fn is_mock_connection(&self) -> bool {
        self.db.is_mock_connection()
    }
}

impl StreamTrait for TenantConnection {
    type Stream<'a> = TenantStream;

    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    fn stream_raw<'a>(
        &'a self,
        stmt: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        Box::pin(async move {
            let stmt = self.context.render_statement(stmt)?;
            match self.route() {
                Route::Pool(pool) => self.stream_rows(pool, stmt).await.map(TenantStream::owned),
                Route::RoleTransaction => role_transaction::stream(self, stmt).await,
                Route::Plain => self.db.stream_raw(stmt).await.map(TenantStream::direct),
            }
        })
    }
}

#[async_trait::async_trait]
impl TransactionTrait for TenantConnection {
    type Transaction = TenantTransaction;

    async fn begin(&self) -> Result<TenantTransaction, DbErr> {
        TenantTransaction::begin(self, TransactionOptions::default()).await
    }

    async fn begin_with_config(
        &self,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<TenantTransaction, DbErr> {
        self.begin_with(isolation_level, access_mode).await
    }

    async fn begin_with_options(&self, options: TransactionOptions) -> Result<TenantTransaction, DbErr> {
        TenantTransaction::begin(self, options).await
    }

    async fn transaction<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c TenantTransaction) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
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
        F: for<'c> FnOnce(&'c TenantTransaction) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        self.begin_with(isolation_level, access_mode)
            .await?
            .run(callback)
            .await
    }
}

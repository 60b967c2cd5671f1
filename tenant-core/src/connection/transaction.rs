//! [`TenantTransaction`]: a transaction of a tenant's connection, and its nested transactions.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use sea_orm::{
    AccessMode, ConnectionTrait, DbBackend, DbErr, ExecResult, IsolationLevel, QueryResult, Statement,
    StreamTrait, TransactionError, TransactionOptions, TransactionSession, TransactionTrait,
};

use super::{
    TenantConnection, TenantTransactionStream,
    detached::detached,
    inherent::end_with,
    session::{
        Level, Open, Session, Turn, ends_the_session, is_refusal_of_the_database, roll_back_to, savepoint,
    },
};
use crate::{
    error::ConnectionError,
    pool::{Execute, ExecuteUnprepared, Operation, Pool, QueryAll, QueryOne},
    role_name::RoleName,
    schema_name::SchemaName,
    tenant::Tenant,
};

/// A transaction of a tenant's connection. Its statements and its nested transactions run in the tenant's schema.
///
/// Dropping it rolls it back. A dropped future, as when a client disconnects, leaves nothing behind: the connection is
/// rolled back before its next use, or closed if the server does not answer within 5 s. A dropped COMMIT commits all or
/// nothing. On a connection that the application brought
/// ([`TenantsBuilder::from_connection`](crate::TenantsBuilder::from_connection)), BEGIN, COMMIT and ROLLBACK run to
/// their end in a task instead.
///
/// # Example
/// ```no_run
/// # use sea_orm::{ConnectionTrait, DbErr, TransactionTrait};
/// # async fn example(db: tenant_core::TenantConnection) -> Result<(), DbErr> {
/// let transaction = db.begin().await?;
/// transaction.execute_unprepared("UPDATE note SET title = 'x'").await?;
/// transaction.commit().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a transaction that is dropped is rolled back"]
pub struct TenantTransaction {
    pub(super) level: Arc<Level>,
}

impl TenantTransaction {
    pub(super) async fn begin(
        connection: &TenantConnection,
        options: TransactionOptions,
    ) -> Result<Self, DbErr> {
        Self::begin_session(connection, options, true).await
    }

    /// Begins a transaction whose statements are not checked and that has a search path.
    pub(super) async fn begin_unguarded(
        connection: &TenantConnection,
        options: TransactionOptions,
    ) -> Result<Self, DbErr> {
        if connection.pool.as_ref().is_some_and(Pool::is_behind_pooler) {
            let tenant = connection.context.schema().clone();
            return Err(ConnectionError::UnguardedBehindPooler { tenant }.into());
        }
        let transaction = Self::begin_session(connection, options, false).await?;
        transaction.set_search_path().await?;
        Ok(transaction)
    }

    async fn begin_session(
        connection: &TenantConnection,
        options: TransactionOptions,
        is_guarded: bool,
    ) -> Result<Self, DbErr> {
        let role = connection.role().await?;
        let level = match &connection.pool {
            Some(pool) => Self::begin_owned(connection, pool, options, role, is_guarded).await?,
            None => Self::begin_of_sea_orm(connection, options, role, is_guarded).await?,
        };
        Ok(Self {
            level: Arc::new(level),
        })
    }

    /// Begins on a connection of the pool. If this is dropped, the connection is cleaned up before its next use.
    async fn begin_owned(
        connection: &TenantConnection,
        pool: &Pool,
        options: TransactionOptions,
        role: Option<RoleName>,
        is_guarded: bool,
    ) -> Result<Level, DbErr> {
        let mut lease = pool.acquire(connection.key).await?;
        if !is_guarded {
            lease.set_unguarded();
        }
        let begun = lease.begin(&begin_statement(&options, role.as_ref())).await;
        begun.map_err(|error| match &role {
            Some(role) => role_error(connection.context.schema(), role, error),
            None => error,
        })?;
        let session = Session::owned(connection, is_guarded, lease);
        Ok(Level::outermost(Arc::new(session), Open::Owned))
    }

    async fn begin_of_sea_orm(
        connection: &TenantConnection,
        options: TransactionOptions,
        role: Option<RoleName>,
        is_guarded: bool,
    ) -> Result<Level, DbErr> {
        let db = connection.db.clone();
        let session = Arc::new(Session::new(Arc::clone(&connection.context), is_guarded));
        let begun = async move {
            let transaction = db.begin_with_options(options).await?;
            let level = Level::outermost(session, Open::SeaOrm(transaction));
            if let Some(role) = role {
                assume(&level, &role).await?;
            }
            Ok::<_, DbErr>(level)
        };
        detached(begun).await?
    }

    async fn begin_nested(&self, options: TransactionOptions) -> Result<Self, DbErr> {
        // Only the wait for the lock can be cancelled.
        let turn = self.level.turn().await?;
        let level = if self.session().is_owned {
            self.begin_savepoint(turn, &options).await?
        } else {
            self.begin_nested_of_sea_orm(turn, options).await?
        };
        Ok(Self {
            level: Arc::new(level),
        })
    }

    async fn begin_savepoint(&self, mut turn: Turn, options: &TransactionOptions) -> Result<Level, DbErr> {
        let session = &self.level.session;
        let Some(lease) = turn.lease() else {
            return Err(session.broken());
        };
        if lease.synchronize().await.is_err() {
            session.break_off();
            return Err(session.broken());
        }
        // If this is dropped from here on, dropping the level rolls back to its savepoint. The savepoint exists: all
        // was read before, so the first poll sends the statement.
        let level = Level::nested(Arc::clone(&self.level), Open::Owned);
        let begun = lease.run(&savepoint_statement(level.depth, options)).await;
        begun.inspect_err(|_| session.break_off())?;
        Ok(level)
    }

    async fn begin_nested_of_sea_orm(&self, turn: Turn, options: TransactionOptions) -> Result<Level, DbErr> {
        let parent = Arc::clone(&self.level);
        let begun = async move {
            let unfinished = parent.session.unfinished();
            let transaction = parent.transaction()?.begin_with_options(options).await?;
            unfinished.finish();
            // If the caller is gone, the level is dropped before the lock is free, so that no statement runs inside of
            // a transaction that is about to be rolled back.
            Ok::<_, DbErr>((Level::nested(parent, Open::SeaOrm(transaction)), turn))
        };
        let (level, turn) = detached(begun).await??;
        drop(turn);
        Ok(level)
    }

    async fn set_search_path(&self) -> Result<(), DbErr> {
        let context = &self.session().context;
        let schema = context.schema();
        let search_path = search_path(schema, &context.extension_schemas);
        let set = format!("SET LOCAL search_path = {search_path}");
        // PostgreSQL passes over a schema that is not there, as that of a tenant that was deleted, or that the user may
        // not use, and would find tables of the same names in the shared schema. So the message counts the schemas of
        // that name that are searched.
        let count = format!(
            "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = '{schema}' AND nspname = pg_catalog.current_schema()"
        );
        let result = self
            .execute_unprepared_rendered(&format!("{set}; {count}"))
            .await?;
        if result.rows_affected() == 0 {
            return Err(context.no_schema());
        }
        Ok(())
    }

    /// Returns the tenant whose schema the statements run in.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.session().context.tenant
    }

    pub(super) fn session(&self) -> &Session {
        &self.level.session
    }

    fn render_statement(&self, mut statement: Statement) -> Result<Statement, DbErr> {
        statement.sql = self.session().render(&statement.sql)?;
        Ok(statement)
    }

    /// Performs an operation under the lock.
    async fn perform<Q: Operation>(&self, turn: &mut Turn, operation: &Q) -> Result<Q::Output, DbErr> {
        let session = self.session();
        let (Some(lease), Some(shared)) = (turn.lease(), &session.shared) else {
            return Err(session.broken());
        };
        let result = self.level.note(operation.perform(lease).await);
        session.context.explain(shared, result).await
    }

    /// Ends this level. Fails if a nested level is open.
    async fn end(self, how: End) -> Result<(), DbErr> {
        let session = Arc::clone(&self.level.session);
        let is_nested = self.level.is_nested();
        let ended = match session.is_owned {
            true => end_owned(self.level, how).await,
            false => detached(end(self.level, how)).await?,
        };
        match ended {
            Err(source) if how == End::Commit && !is_nested && lost_connection(&source) => {
                Err(commit_error(session.context.schema(), source))
            }
            result => result,
        }
    }

    pub(super) async fn run<F, T, E>(self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>> + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        let result = callback(&self).await;
        end_with(self, result).await
    }
}

/// Returns the path of unguarded transactions.
fn search_path(schema: &SchemaName, extensions: &[SchemaName]) -> String {
    let shared = SchemaName::shared();
    let schemas = [schema, &shared].into_iter().chain(extensions);
    let mut names: Vec<_> = schemas.map(SchemaName::quoted).collect();
    // The public tenant's schema is the shared one.
    names.dedup();
    names.join(", ")
}

/// Returns the message that begins a transaction, as a role.
pub(super) fn begin_statement(options: &TransactionOptions, role: Option<&RoleName>) -> String {
    let mut begin = "BEGIN".to_owned();
    if let Some(level) = options.isolation_level {
        begin += &format!(" ISOLATION LEVEL {level}");
    }
    if let Some(mode) = options.access_mode {
        begin += &format!(" {mode}");
    }
    match role {
        Some(role) => begin + "; SET LOCAL ROLE " + &role.quoted(),
        None => begin,
    }
}

fn savepoint_statement(depth: usize, options: &TransactionOptions) -> String {
    let begin = format!("SAVEPOINT {}", savepoint(depth));
    let level = options
        .isolation_level
        .map(|level| format!("ISOLATION LEVEL {level}"));
    let mode = options.access_mode.map(|mode| mode.to_string());
    let settings: Vec<_> = level.into_iter().chain(mode).collect();
    match settings.is_empty() {
        true => begin,
        false => format!("{begin}; SET TRANSACTION {}", settings.join(" ")),
    }
}

/// Returns the error of a transaction that could not begin as a role.
pub(super) fn role_error(tenant: &SchemaName, role: &RoleName, source: DbErr) -> DbErr {
    if !is_refusal_of_the_database(&source) || ends_the_session(&source) {
        return source;
    }
    let (tenant, role) = (tenant.clone(), role.clone());
    ConnectionError::NoRole { tenant, role, source }.into()
}

/// Returns the error of a COMMIT. If the answer was lost, it may have committed.
pub(super) fn commit_error(tenant: &SchemaName, source: DbErr) -> DbErr {
    if !lost_connection(&source) {
        return source;
    }
    let tenant = tenant.clone();
    ConnectionError::CommitUnknown { tenant, source }.into()
}

/// Sets the tenant's role until the transaction ends. A rollback to a savepoint keeps it.
async fn assume(level: &Level, role: &RoleName) -> Result<(), DbErr> {
    let set = format!("SET LOCAL ROLE {}", role.quoted());
    let assumed = level.transaction()?.execute_unprepared(&set).await;
    let tenant = level.session.context.schema();
    assumed.map(drop).map_err(|error| role_error(tenant, role, error))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    Rollback,
}

/// Ends a transaction on a connection of the pool. If this is dropped, the statement is sent wholly or not at all:
/// after the rest of the last answer is read, the first poll sends it.
async fn end_owned(level: Arc<Level>, how: End) -> Result<(), DbErr> {
    let session = Arc::clone(&level.session);
    let mut turn = level.turn().await.inspect_err(|_| session.break_off())?;
    let Some(level) = Arc::into_inner(level) else {
        session.break_off();
        return Err(session.nested_open());
    };
    let is_aborted = how == End::Commit && is_aborted(&level, &mut turn).await?;
    let Some(lease) = turn.lease() else {
        return Err(session.broken());
    };
    if lease.synchronize().await.is_err() {
        session.break_off();
        return Err(session.broken());
    }
    let depth = level.depth;
    let _parent = level.take();
    session.closed_one();
    let how = if is_aborted { End::Rollback } else { how };
    let ended = match depth {
        0 => lease.end(end_statement(how)).await,
        _ => {
            let ended = lease.run(&savepoint_end(how, depth)).await;
            ended.inspect_err(|_| session.break_off())
        }
    };
    if is_aborted {
        let tenant = session.context.schema().clone();
        return Err(ConnectionError::StatementFailed { tenant }.into());
    }
    ended
}

fn end_statement(how: End) -> &'static str {
    match how {
        End::Rollback => "ROLLBACK",
        End::Commit => "COMMIT",
    }
}

fn savepoint_end(how: End, depth: usize) -> String {
    match how {
        End::Rollback => roll_back_to(depth),
        End::Commit => format!("RELEASE SAVEPOINT {}", savepoint(depth)),
    }
}

/// Ends a transaction of SeaORM's. Run it in a task of its own.
async fn end(level: Arc<Level>, how: End) -> Result<(), DbErr> {
    let session = Arc::clone(&level.session);
    // Under the lock, a nested transaction whose caller was dropped is gone.
    let mut turn = level.turn().await.inspect_err(|_| session.break_off())?;
    let Some(level) = Arc::into_inner(level) else {
        session.break_off();
        return Err(session.nested_open());
    };
    let is_aborted = how == End::Commit && is_aborted(&level, &mut turn).await?;
    let Some((Open::SeaOrm(transaction), parent)) = level.take() else {
        return Ok(());
    };
    let unfinished = session.unfinished();
    let result = match how {
        End::Commit if !is_aborted => transaction.commit().await,
        _ => transaction.rollback().await,
    };
    unfinished.finish();
    session.closed_one();
    drop(turn);
    drop(parent);
    if is_aborted {
        let tenant = session.context.schema().clone();
        return Err(ConnectionError::StatementFailed { tenant }.into());
    }
    result
}

/// True if PostgreSQL would turn a COMMIT into ROLLBACK, because a statement failed. An unguarded statement may have
/// rolled back to a savepoint since then, so in that case a query finds out.
async fn is_aborted(level: &Level, turn: &mut Turn) -> Result<bool, DbErr> {
    if level.session.is_guarded || !level.has_failed() {
        return Ok(level.has_failed());
    }
    let answer = match turn.lease() {
        Some(lease) => lease.run("SELECT 1").await,
        None => level
            .transaction()?
            .execute_unprepared("SELECT 1")
            .await
            .map(drop),
    };
    match answer {
        Ok(()) => Ok(false),
        Err(error) if is_refusal_of_the_database(&error) => Ok(true),
        Err(error) => Err(error),
    }
}

/// True if the reply to a COMMIT was lost. A FATAL error counts as lost: a pooler that lost the server sends it, and a
/// server that has finished the COMMIT.
fn lost_connection(error: &DbErr) -> bool {
    let is_of_driver = matches!(error, DbErr::Exec(_) | DbErr::Query(_) | DbErr::Conn(_))
        && ConnectionError::of(error).is_none();
    is_of_driver && (!is_refusal_of_the_database(error) || ends_the_session(error))
}

/// Statements that are rendered already.
impl TenantTransaction {
    pub(super) async fn execute_rendered(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let mut turn = self.level.turn().await?;
        if self.session().is_owned {
            return self.perform(&mut turn, &Execute(&statement)).await;
        }
        self.level
            .note(self.level.transaction()?.execute_raw(statement).await)
    }

    pub(super) async fn execute_unprepared_rendered(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut turn = self.level.turn().await?;
        if self.session().is_owned {
            return self.perform(&mut turn, &ExecuteUnprepared(sql)).await;
        }
        self.level
            .note(self.level.transaction()?.execute_unprepared(sql).await)
    }

    pub(super) async fn query_one_rendered(
        &self,
        statement: Statement,
    ) -> Result<Option<QueryResult>, DbErr> {
        let mut turn = self.level.turn().await?;
        if self.session().is_owned {
            return self.perform(&mut turn, &QueryOne(&statement)).await;
        }
        self.level
            .note(self.level.transaction()?.query_one_raw(statement).await)
    }

    pub(super) async fn query_all_rendered(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut turn = self.level.turn().await?;
        if self.session().is_owned {
            return self.perform(&mut turn, &QueryAll(&statement)).await;
        }
        self.level
            .note(self.level.transaction()?.query_all_raw(statement).await)
    }

    pub(super) async fn stream_rendered(
        &self,
        turn: Turn,
        statement: Statement,
    ) -> Result<TenantTransactionStream<'_>, DbErr> {
        if self.session().is_owned {
            return Ok(TenantTransactionStream::owned(statement, &self.level, turn));
        }
        let stream = self.level.transaction()?.stream_raw(statement).await?;
        Ok(TenantTransactionStream::of_sea_orm(stream, &self.level, turn))
    }
}

impl fmt::Debug for TenantTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantTransaction")
            .field("tenant", self.tenant())
            .finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for TenantTransaction {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        self.execute_rendered(self.render_statement(stmt)?).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.execute_unprepared_rendered(&self.session().render(sql)?)
            .await
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.query_one_rendered(self.render_statement(stmt)?).await
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.query_all_rendered(self.render_statement(stmt)?).await
    }
}

impl StreamTrait for TenantTransaction {
    type Stream<'a> = TenantTransactionStream<'a>;

    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    fn stream_raw<'a>(
        &'a self,
        stmt: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        Box::pin(async move {
            let stmt = self.render_statement(stmt)?;
            let turn = self.level.turn().await?;
            self.stream_rendered(turn, stmt).await
        })
    }
}

#[async_trait::async_trait]
impl TransactionSession for TenantTransaction {
    async fn commit(self) -> Result<(), DbErr> {
        self.end(End::Commit).await
    }

    async fn rollback(self) -> Result<(), DbErr> {
        self.end(End::Rollback).await
    }
}

#[async_trait::async_trait]
impl TransactionTrait for TenantTransaction {
    type Transaction = Self;

    async fn begin(&self) -> Result<Self, DbErr> {
        self.begin_nested(TransactionOptions::default()).await
    }

    async fn begin_with_config(
        &self,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<Self, DbErr> {
        self.begin_nested(TransactionOptions {
            isolation_level,
            access_mode,
            sqlite_transaction_mode: None,
        })
        .await
    }

    async fn begin_with_options(&self, options: TransactionOptions) -> Result<Self, DbErr> {
        self.begin_nested(options).await
    }

    async fn transaction<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>> + Send,
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
        F: for<'c> FnOnce(&'c Self) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>> + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        self.begin_with_config(isolation_level, access_mode)
            .await?
            .run(callback)
            .await
    }
}

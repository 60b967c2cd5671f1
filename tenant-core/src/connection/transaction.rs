//! [`TenantTransaction`]: a transaction of a tenant's connection, and the ones nested in it.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use sea_orm::{
    AccessMode, ConnectionTrait, DbBackend, DbErr, ExecResult, IsolationLevel, QueryResult, Statement,
    StreamTrait, TransactionError, TransactionOptions, TransactionSession, TransactionTrait,
};

use super::{
    TenantConnection, TenantTransactionStream,
    session::{Level, Session, ends_the_session, is_refusal_of_the_database},
};
use crate::{
    error::ConnectionError,
    plant::{self, Plant},
    role::RoleName,
    tenant::Tenant,
};

/// A transaction of a tenant's connection. Its statements run in the tenant's schema, as those of the
/// connection do, and so do those of the transactions nested in it.
///
/// Dropping it rolls it back. A future of it that is dropped, as when a client goes away, leaves nothing
/// behind: BEGIN, COMMIT and ROLLBACK run to their end without it, or are given up after five seconds without a
/// reply, and the connection with them. (Where sessions that come back to the pool are not reset, they are never
/// given up: nobody would see that a transaction is open.)
///
/// # Example
/// ```no_run
/// # use sea_orm::{ConnectionTrait, DbErr, TransactionSession, TransactionTrait};
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
        let db = connection.db.clone();
        let role = connection.role().await?;
        let session = Arc::new(Session::new(Arc::clone(&connection.scope), true));
        let begun = async move {
            let transaction = db.begin_with_options(options).await?;
            let level = Level::outermost(session, transaction);
            if let Some(role) = role {
                assume(&level, &role).await?;
            }
            Ok::<_, DbErr>(level)
        };
        let level = match plant::is(Plant::BeginNotDetached) {
            true => begun.await?,
            false => connection.scope.detached(begun).await??,
        };
        Ok(Self {
            level: Arc::new(level),
        })
    }

    async fn begin_nested(&self, options: TransactionOptions) -> Result<Self, DbErr> {
        // Waiting can be given up; what is begun is begun to its end.
        let turn = self.level.turn().await?;
        let parent = Arc::clone(&self.level);
        let begun = async move {
            let unfinished = parent.session.unfinished();
            let transaction = parent.transaction()?.begin_with_options(options).await?;
            unfinished.finish();
            // If nobody waits for it any more, the level is dropped before the turn ends, so that nothing can be
            // done inside of a transaction that is about to be rolled back.
            Ok::<_, DbErr>((Level::nested(parent, transaction), turn))
        };
        let (level, turn) = match plant::is(Plant::NestedBeginNotDetached) {
            true => begun.await?,
            false => self.session().scope.detached(begun).await??,
        };
        drop(turn);
        Ok(Self {
            level: Arc::new(level),
        })
    }

    /// Switches the checks off and the search path on.
    pub(super) async fn into_unguarded(self) -> Result<Self, DbErr> {
        let scope = Arc::clone(&self.level.session.scope);
        let search_path = if scope.schema().is_shared() {
            scope.schema().quoted()
        } else {
            format!("{}, \"{}\"", scope.schema().quoted(), crate::SHARED_SCHEMA)
        };
        let Some((transaction, _)) = Arc::into_inner(self.level).and_then(Level::take) else {
            return Err(DbErr::Custom("the transaction is in use".to_owned()));
        };
        let session = Arc::new(Session::new(scope, false));
        let level = Level::outermost(session, transaction);
        let set = match () {
            () if plant::is(Plant::SearchPathStays) => format!("SET search_path = {search_path}"),
            () if plant::is(Plant::SharedSchemaFirst) => {
                format!("SET LOCAL search_path = public, {search_path}")
            }
            () => format!("SET LOCAL search_path = {search_path}"),
        };
        // PostgreSQL passes over a schema that is not there, as that of a tenant that was deleted, and would find tables
        // of the same names in the shared schema. This fails instead.
        let schema = level.session.scope.schema().quoted();
        let set = format!("{set}; SELECT '{schema}'::pg_catalog.regnamespace");
        level.transaction()?.execute_unprepared(&set).await?;
        Ok(Self {
            level: Arc::new(level),
        })
    }

    /// The tenant whose schema the statements run in.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.session().scope.tenant
    }

    pub(super) fn session(&self) -> &Session {
        &self.level.session
    }

    fn render_statement(&self, mut statement: Statement) -> Result<Statement, DbErr> {
        statement.sql = self.session().render(&statement.sql)?;
        Ok(statement)
    }

    /// Ends this level in a task of its own. It cannot be ended while one nested in it is open.
    async fn end(self, how: End) -> Result<(), DbErr> {
        let session = Arc::clone(&self.level.session);
        let is_nested = self.level.is_nested();
        match session.scope.detached(end(self.level, how)).await? {
            Err(source) if how == End::Commit && !is_nested && lost_connection(&source) => {
                if plant::is(Plant::LossIgnored) {
                    return Ok(());
                }
                let tenant = session.scope.schema().clone();
                Err(ConnectionError::CommitUnknown { tenant, source }.into())
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

/// Becomes the tenant's role until the transaction ends. Going back to a savepoint does not end it.
async fn assume(level: &Level, role: &RoleName) -> Result<(), DbErr> {
    if plant::is(Plant::RoleNotAssumed) {
        return Ok(());
    }
    let set = format!("SET LOCAL ROLE {}", role.quoted());
    match level.transaction()?.execute_unprepared(&set).await {
        Ok(_) => Ok(()),
        Err(source) if is_refusal_of_the_database(&source) => {
            let tenant = level.session.scope.schema().clone();
            let role = role.clone();
            Err(ConnectionError::NoRole { tenant, role, source }.into())
        }
        Err(error) => Err(error),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    Rollback,
}

async fn end(level: Arc<Level>, how: End) -> Result<(), DbErr> {
    let session = Arc::clone(&level.session);
    // Once it is our turn, a nested transaction that was begun for nobody is gone.
    let turn = level.turn().await.inspect_err(|_| session.break_off())?;
    let Some(level) = Arc::into_inner(level) else {
        session.break_off();
        return Err(session.nested_open());
    };
    let is_aborted = how == End::Commit && is_aborted(&level).await?;
    let Some((transaction, parent)) = level.take() else {
        return Ok(());
    };
    let unfinished = session.unfinished();
    let result = match how {
        End::Commit if !is_aborted => transaction.commit().await,
        End::Rollback if plant::is(Plant::RollbackCommits) => transaction.commit().await,
        End::Rollback if parent.is_some() && plant::is(Plant::NestedRollbackKeeps) => {
            transaction.commit().await
        }
        _ => transaction.rollback().await,
    };
    unfinished.finish();
    session.closed_one();
    drop(turn);
    drop(parent);
    if is_aborted {
        let tenant = session.scope.schema().clone();
        return Err(ConnectionError::StatementFailed { tenant }.into());
    }
    result
}

/// Whether PostgreSQL would roll back where a commit is asked for, because a statement failed. Where statements pass
/// as they are written, one of them may have gone back to a savepoint since; then the database is asked.
async fn is_aborted(level: &Level) -> Result<bool, DbErr> {
    if plant::is(Plant::FailureForgotten) {
        return Ok(false);
    }
    if level.session.is_guarded || !level.has_failed() {
        return Ok(level.has_failed());
    }
    match level.transaction()?.execute_unprepared("SELECT 1").await {
        Ok(_) => Ok(false),
        Err(error) if is_refusal_of_the_database(&error) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether the reply to a COMMIT was lost, rather than a refusal received. The end of the session is none: it comes
/// from whoever lost the server, and from a server that is done with the COMMIT.
fn lost_connection(error: &DbErr) -> bool {
    let is_of_driver = matches!(error, DbErr::Exec(_) | DbErr::Query(_) | DbErr::Conn(_));
    is_of_driver && (!is_refusal_of_the_database(error) || ends_the_session(error))
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
        let stmt = self.render_statement(stmt)?;
        let _turn = self.level.turn().await?;
        self.level.note(self.level.transaction()?.execute_raw(stmt).await)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let sql = self.session().render(sql)?;
        let _turn = self.level.turn().await?;
        self.level
            .note(self.level.transaction()?.execute_unprepared(&sql).await)
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        let stmt = self.render_statement(stmt)?;
        let _turn = self.level.turn().await?;
        self.level
            .note(self.level.transaction()?.query_one_raw(stmt).await)
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let stmt = self.render_statement(stmt)?;
        let _turn = self.level.turn().await?;
        self.level
            .note(self.level.transaction()?.query_all_raw(stmt).await)
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
            let stmt = match plant::is(Plant::StreamNotCompiled) {
                true => stmt,
                false => self.render_statement(stmt)?,
            };
            let turn = self.level.turn().await?;
            let stream = self.level.transaction()?.stream_raw(stmt).await?;
            Ok(TenantTransactionStream::new(stream, &self.level, turn))
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

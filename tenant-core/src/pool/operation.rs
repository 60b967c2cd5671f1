//! [`Operation`]: statements on a connection of the pool, with the values, results and errors of SeaORM's driver.

use std::future::Future;

use futures_util::{TryStreamExt as _, pin_mut};
use sea_orm::{
    DbErr, ExecResult, QueryResult, Statement,
    sea_query::Values,
    sqlx::{
        self, AssertSqlSafe, Error, Executor as _, Postgres,
        postgres::{PgDatabaseError, PgRow},
        query::Query,
    },
};
use sea_query_sqlx::SqlxValues;

use super::{
    connection::PooledConnection,
    count,
    driver_error::{exec_error, query_error},
    lease::Lease,
    span::in_span,
};
use crate::sql::is_plain_query;

/// A statement with the type of its result.
pub(crate) trait Operation: Sync {
    /// Type of the result.
    type Output: Send;

    /// Sends the statement on a connection, and returns the result.
    fn perform(&self, lease: &mut Lease) -> impl Future<Output = Result<Self::Output, DbErr>> + Send;
}

/// Returns the number of changed rows.
pub(crate) struct Execute<'a>(pub(crate) &'a Statement);
/// Returns the first row.
pub(crate) struct QueryOne<'a>(pub(crate) &'a Statement);
/// Returns all rows.
pub(crate) struct QueryAll<'a>(pub(crate) &'a Statement);
/// Returns all rows of a statement whose text does not come again, so that it is not kept prepared.
pub(crate) struct QueryAllOnce<'a>(pub(crate) &'a Statement);
/// Runs statements without values, as one message of the simple protocol.
pub(crate) struct ExecuteUnprepared<'a>(pub(crate) &'a str);

/// Most attempts to send a statement. Two are enough, unless a table changes all the time.
const ATTEMPTS: u32 = 3;

/// Sends a statement, and sends it again if the prepared one is out of date. `$prepare` converts it for sqlx.
macro_rules! send {
    ($lease:ident, $prepare:ident($statement:expr), |$query:ident, $raw:ident| $run:expr) => {{
        let mut attempts = 0;
        loop {
            attempts += 1;
            let in_transaction = $lease.is_in_transaction();
            let sent = $lease.send()?;
            let $query = $prepare(sent, $statement, in_transaction);
            let $raw = &mut sent.raw;
            let answer = $run.await;
            let answer = $lease.answered(answer);
            match answer {
                Err(error) if attempts < ATTEMPTS && $lease.must_resend(&error, &$statement.sql) => {}
                answer => break answer,
            }
        }
    }};
}

impl Operation for Execute<'_> {
    type Output = ExecResult;

    async fn perform(&self, lease: &mut Lease) -> Result<ExecResult, DbErr> {
        in_span!("sea_orm.execute", lease, &self.0.sql, async {
            lease.execute(self.0).await.map(Into::into).map_err(exec_error)
        })
    }
}

impl Operation for QueryOne<'_> {
    type Output = Option<QueryResult>;

    async fn perform(&self, lease: &mut Lease) -> Result<Option<QueryResult>, DbErr> {
        in_span!("sea_orm.query_one", lease, &self.0.sql, async {
            let row = lease.fetch_optional(self.0).await.map_err(query_error)?;
            Ok(row.map(Into::into))
        })
    }
}

impl Operation for QueryAll<'_> {
    type Output = Vec<QueryResult>;

    async fn perform(&self, lease: &mut Lease) -> Result<Vec<QueryResult>, DbErr> {
        in_span!("sea_orm.query_all", lease, &self.0.sql, async {
            let rows = lease.fetch_all(self.0).await.map_err(query_error)?;
            Ok(rows.into_iter().map(Into::into).collect())
        })
    }
}

impl Operation for QueryAllOnce<'_> {
    type Output = Vec<QueryResult>;

    async fn perform(&self, lease: &mut Lease) -> Result<Vec<QueryResult>, DbErr> {
        in_span!("sea_orm.query_all", lease, &self.0.sql, async {
            let rows = lease.fetch_all_once(self.0).await.map_err(query_error)?;
            Ok(rows.into_iter().map(Into::into).collect())
        })
    }
}

impl Operation for ExecuteUnprepared<'_> {
    type Output = ExecResult;

    async fn perform(&self, lease: &mut Lease) -> Result<ExecResult, DbErr> {
        in_span!("sea_orm.execute_unprepared", lease, self.0, async {
            let sent = lease.send().map_err(exec_error)?;
            let answer = sent.raw.execute(AssertSqlSafe(self.0)).await;
            lease.answered(answer).map(Into::into).map_err(exec_error)
        })
    }
}

impl Lease {
    async fn execute(&mut self, statement: &Statement) -> Result<sqlx::postgres::PgQueryResult, Error> {
        send!(self, query(statement), |query, raw| query.execute(raw))
    }

    async fn fetch_optional(&mut self, statement: &Statement) -> Result<Option<PgRow>, Error> {
        send!(self, query(statement), |query, raw| query.fetch_optional(raw))
    }

    async fn fetch_all(&mut self, statement: &Statement) -> Result<Vec<PgRow>, Error> {
        send!(self, query(statement), |query, raw| query.fetch_all(raw))
    }

    async fn fetch_all_once(&mut self, statement: &Statement) -> Result<Vec<PgRow>, Error> {
        send!(self, query_once(statement), |query, raw| query.fetch_all(raw))
    }

    /// Returns all rows, in the driver's type.
    #[cfg(feature = "schema-sync")]
    pub(crate) async fn rows(&mut self, statement: &Statement) -> Result<Vec<PgRow>, DbErr> {
        self.fetch_all(statement).await.map_err(query_error)
    }

    /// Calls `with` for each row. If the future is dropped before its end, the rest is drained later, or the connection
    /// closed.
    pub(crate) async fn for_each_row<F, W>(&mut self, statement: &Statement, mut with: F) -> Result<(), DbErr>
    where
        F: FnMut(QueryResult) -> W + Send,
        W: Future<Output = ()> + Send,
    {
        let mut attempts = 0;
        let only_reads = is_plain_query(&statement.sql);
        loop {
            attempts += 1;
            let mut has_rows = false;
            let in_transaction = self.is_in_transaction();
            let (sent, is_half_read) = self.send_stream().map_err(query_error)?;
            let query = query(sent, statement, in_transaction);
            let answer = {
                let rows = query.fetch(&mut sent.raw);
                pin_mut!(rows);
                loop {
                    match rows.try_next().await {
                        Ok(Some(row)) => {
                            has_rows = true;
                            *is_half_read = only_reads;
                            with(row.into()).await;
                        }
                        Ok(None) => break Ok(()),
                        Err(error) => break Err(error),
                    }
                }
            };
            match self.answered(answer) {
                Err(error)
                    if !has_rows && attempts < ATTEMPTS && self.must_resend(&error, &statement.sql) => {}
                answer => return answer.map_err(query_error),
            }
        }
    }

    /// True if the prepared statement was missing or out of date, and the statement can be sent again. It is prepared
    /// again the next time in any case. In a transaction, it cannot be sent again, because PostgreSQL refuses all
    /// statements after an error.
    fn must_resend(&mut self, error: &Error, sql: &str) -> bool {
        if lost_unnamed_statement(error) {
            return !self.is_in_transaction();
        }
        if !is_out_of_date(error) {
            return false;
        }
        if let Some(pool) = self.pool() {
            count(&pool.0.counters.renewed);
        }
        self.renew(sql);
        !self.is_in_transaction()
    }
}

/// Converts a statement for sqlx. In a transaction it is always cached: see [`lost_unnamed_statement`].
fn query<'q>(
    connection: &mut PooledConnection,
    statement: &'q Statement,
    in_transaction: bool,
) -> Query<'q, Postgres, SqlxValues> {
    let kept = connection.cached_statements();
    let keeps = in_transaction || connection.statement_cache.admits(&statement.sql, kept);
    convert(connection, statement, keeps)
}

/// Converts a statement that does not come again. It is cached only where it must have a name.
fn query_once<'q>(
    connection: &mut PooledConnection,
    statement: &'q Statement,
    in_transaction: bool,
) -> Query<'q, Postgres, SqlxValues> {
    let keeps = in_transaction || connection.statement_cache.keeps_all();
    convert(connection, statement, keeps)
}

fn convert<'q>(
    connection: &PooledConnection,
    statement: &'q Statement,
    keeps: bool,
) -> Query<'q, Postgres, SqlxValues> {
    let values = statement.values.clone().unwrap_or(Values(Vec::new()));
    let text = connection.statement_cache.text(&statement.sql);
    sqlx::query_with(AssertSqlSafe(&*text), SqlxValues(values)).persistent(keeps)
}

/// True if an unnamed statement was gone before it ran. sqlx 0.9.0 looks types up after it prepared a statement, by a
/// message of the simple protocol, which drops the unnamed statement. The next time it knows the types.
fn lost_unnamed_statement(error: &Error) -> bool {
    matches!(error, Error::Database(error) if error.code().as_deref() == Some("26000"))
}

/// True for "cached plan must not change result type": a migration changed the columns of a table. The code stands for
/// other things too, so PostgreSQL's routine tells them apart.
fn is_out_of_date(error: &Error) -> bool {
    let Error::Database(error) = error else {
        return false;
    };
    let error = error.try_downcast_ref::<PgDatabaseError>();
    error.is_some_and(|error| error.code() == "0A000" && error.routine() == Some("RevalidateCachedQuery"))
}

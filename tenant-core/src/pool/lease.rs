//! [`Lease`]: a connection in use.

use std::{fmt, time::Instant};

use sea_orm::{
    DbErr,
    sqlx::{Connection as _, Error, Executor as _},
};

use super::{
    Pool, clean_up,
    connection::PooledConnection,
    count,
    driver_error::{is_end_of_session, not_opened, query_error},
    leftovers::{EndOnDrop, Leftovers},
    permit::Permit,
};

/// A connection in use by one tenant. Dropping it returns the connection: at once, or after a reset. A connection that
/// was lost or ran unguarded statements is closed.
pub(crate) struct Lease {
    connection: Option<PooledConnection>,
    leftovers: Leftovers,
    permit: Option<Permit>,
}

impl Lease {
    pub(super) async fn new(permit: Permit, deadline: Instant) -> Result<Self, DbErr> {
        let connection = permit.pool().connection_of(permit.slot(), deadline).await?;
        Ok(Self {
            connection: Some(connection),
            leftovers: Leftovers::default(),
            permit: Some(permit),
        })
    }

    /// Returns the connection for sending. Call [`answered`](Self::answered) after it: otherwise, the connection is
    /// drained before its next use.
    pub(super) fn send(&mut self) -> Result<&mut PooledConnection, Error> {
        self.send_stream().map(|(connection, _)| connection)
    }

    /// Does the same as [`send`](Self::send), and returns the mark for rows that came in.
    pub(super) fn send_stream(&mut self) -> Result<(&mut PooledConnection, &mut bool), Error> {
        if self.leftovers.is_lost {
            return Err(Error::WorkerCrashed);
        }
        self.leftovers.is_in_flight = true;
        let connection = self.connection.as_mut().ok_or(Error::WorkerCrashed)?;
        Ok((connection, &mut self.leftovers.is_half_read))
    }

    /// Returns the answer, and notes the state of the connection after it.
    pub(super) fn answered<T>(&mut self, answer: Result<T, Error>) -> Result<T, Error> {
        self.leftovers.is_in_flight = false;
        self.leftovers.is_half_read = false;
        if let Err(error) = &answer {
            self.leftovers.has_unread_end = true;
            if is_end_of_session(error) && !self.leftovers.is_lost {
                self.leftovers.is_lost = true;
                self.suspect();
            }
        }
        answer
    }

    fn suspect(&self) {
        if let Some(permit) = &self.permit {
            permit.pool().suspect();
        }
    }

    pub(super) fn pool(&self) -> Option<&Pool> {
        self.permit.as_ref().map(Permit::pool)
    }

    /// True if spans have the text of the statement: `record_stmt_in_spans` of the options.
    #[cfg(feature = "tracing-spans")]
    pub(super) fn records_statements(&self) -> bool {
        self.pool().is_some_and(|pool| pool.0.settings.records_statements)
    }

    /// Checks that the server answers.
    pub(crate) async fn ping(&mut self) -> Result<(), DbErr> {
        let sent = self.send().map_err(not_opened)?;
        let answer = sent.raw.ping().await;
        self.answered(answer).map_err(not_opened)
    }

    /// Runs statements without values, as one message.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<(), DbErr> {
        let sent = self.send().map_err(query_error)?;
        let sql = sea_orm::sqlx::AssertSqlSafe(sql);
        let answer = sent.raw.execute(sql).await.map(drop);
        self.answered(answer).map_err(query_error)
    }

    /// Begins a transaction. If the lease is dropped from now on, it is rolled back.
    pub(crate) async fn begin(&mut self, begin: &str) -> Result<(), DbErr> {
        self.leftovers.transaction = Some(EndOnDrop::Rollback);
        self.run(begin).await
    }

    /// Ends a transaction with COMMIT or ROLLBACK.
    pub(crate) async fn end(&mut self, end: &str) -> Result<(), DbErr> {
        self.run(end).await?;
        self.leftovers.transaction = None;
        Ok(())
    }

    /// Sets the end of the open transaction where the lease is dropped.
    pub(crate) fn end_on_drop(&mut self, end: EndOnDrop) {
        self.leftovers.transaction = Some(end);
    }

    /// Marks the session to be closed after use, because its state is unknown.
    pub(crate) fn set_unguarded(&mut self) {
        self.leftovers.is_unguarded = true;
    }

    pub(super) fn is_in_transaction(&self) -> bool {
        self.leftovers.transaction.is_some()
    }

    /// Makes the next run of a statement prepare it again.
    pub(super) fn renew(&mut self, sql: &str) {
        if let Some(connection) = &mut self.connection {
            self.leftovers.is_worn_out |= !connection.statement_cache.renew(sql);
        }
        self.leftovers.was_out_of_date = true;
    }

    /// True, once, if a prepared statement was out of date. It can be sent again in another transaction.
    pub(crate) fn take_out_of_date(&mut self) -> bool {
        std::mem::take(&mut self.leftovers.was_out_of_date)
    }

    /// True if a statement was cut off, so that [`synchronize`](Self::synchronize) has to come before the next one.
    pub(crate) fn is_in_flight(&self) -> bool {
        self.leftovers.is_in_flight
    }

    /// True, once, if an error came for a statement whose caller was gone.
    pub(crate) fn take_unseen_error(&mut self) -> bool {
        std::mem::take(&mut self.leftovers.has_unseen_error)
    }

    /// Reads all unread answers, so that the first poll of the next statement sends it.
    ///
    /// # Errors
    /// [`DbErr`] if the connection is lost, or the server does not answer in time.
    pub(crate) async fn synchronize(&mut self) -> Result<(), DbErr> {
        if !self.leftovers.is_in_flight && !self.leftovers.has_unread_end {
            return Ok(());
        }
        let connection = match &mut self.connection {
            Some(connection) if !self.leftovers.is_lost => connection,
            _ => return Err(query_error(Error::WorkerCrashed)),
        };
        let time = self.leftovers.time_to_read();
        let has_failed = &mut self.leftovers.has_unseen_error;
        let drained = tokio::time::timeout(time, clean_up::drain(&mut connection.raw, has_failed)).await;
        let error = match drained {
            Ok(Ok(())) => {
                self.leftovers.is_in_flight = false;
                self.leftovers.is_half_read = false;
                self.leftovers.has_unread_end = false;
                return Ok(());
            }
            Ok(Err(error)) => error,
            Err(_) => Error::Protocol(format!("the answer was not read within {time:?}")),
        };
        self.leftovers.is_lost = true;
        self.suspect();
        Err(query_error(error))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (Some(mut connection), Some(permit)) = (self.connection.take(), self.permit.take()) else {
            return;
        };
        let left = self.leftovers;
        if left.is_lost {
            return;
        }
        if left.is_unguarded {
            count(&permit.pool().0.counters.unguarded);
            clean_up::close(permit, connection);
            return;
        }
        if left.is_worn_out {
            count(&permit.pool().0.counters.expired);
            clean_up::close(permit, connection);
            return;
        }
        let is_clean = !left.is_in_flight && left.transaction.is_none();
        if is_clean {
            connection.heard(Instant::now());
            permit.put_back(connection);
        } else {
            clean_up::start(permit, connection, left);
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("leftovers", &self.leftovers)
            .finish_non_exhaustive()
    }
}

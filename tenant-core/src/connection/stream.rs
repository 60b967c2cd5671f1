//! [`TenantStream`]: the rows of a query on a connection.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    vec,
};

use futures_util::Stream;
use sea_orm::{DbErr, QueryResult, QueryStream};
use tokio::sync::mpsc::Receiver;

use super::{detached::ShutDown, row_stream::RowStream};

/// Rows in one message, or `None` after the last one. A channel that ends without `None` was cut.
pub(super) type Chunk = Result<Option<Vec<QueryResult>>, DbErr>;

/// Stream of the rows of a query on a [`TenantConnection`](crate::TenantConnection). It holds a connection until it is
/// dropped.
///
/// The rest of a query that is dropped half-read is read for 1 s. Then the connection is closed, and PostgreSQL stops. A
/// function with effects that is called by such a query belongs into a transaction.
pub struct TenantStream {
    rows: Rows,
}

enum Rows {
    Direct(QueryStream),
    Owned(RowStream<'static>),
    /// The rest of the last chunk, and the channel of the next ones.
    Received(vec::IntoIter<QueryResult>, Receiver<Chunk>),
    Ended,
}

impl TenantStream {
    /// Rows that a task sends.
    pub(super) fn received(receiver: Receiver<Chunk>) -> Self {
        Self {
            rows: Rows::Received(Vec::new().into_iter(), receiver),
        }
    }

    /// Rows on a connection of the pool.
    pub(super) fn owned(rows: RowStream<'static>) -> Self {
        Self {
            rows: Rows::Owned(rows),
        }
    }

    /// Rows on a connection of SeaORM's.
    pub(super) fn direct(stream: QueryStream) -> Self {
        Self {
            rows: Rows::Direct(stream),
        }
    }
}

impl fmt::Debug for TenantStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantStream").finish_non_exhaustive()
    }
}

impl Stream for TenantStream {
    type Item = Result<QueryResult, DbErr>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (rows, receiver) = match &mut self.rows {
            Rows::Direct(stream) => return Pin::new(stream).poll_next(context),
            Rows::Owned(rows) => return Pin::new(rows).poll_next(context),
            Rows::Received(rows, receiver) => (rows, receiver),
            Rows::Ended => return Poll::Ready(None),
        };
        loop {
            if let Some(row) = rows.next() {
                return Poll::Ready(Some(Ok(row)));
            }
            let message = ready!(receiver.poll_recv(context));
            let last = match message.unwrap_or_else(|| Err(ShutDown.into())).transpose() {
                Some(Ok(more)) => {
                    *rows = more.into_iter();
                    continue;
                }
                Some(Err(error)) => Some(Err(error)),
                None => None,
            };
            self.rows = Rows::Ended;
            return Poll::Ready(last);
        }
    }
}

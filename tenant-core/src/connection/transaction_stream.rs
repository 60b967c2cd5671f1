//! [`TenantTransactionStream`]: the rows of a query inside a transaction, one by one.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::Stream;
use sea_orm::{DbErr, QueryResult, Statement, TransactionStream};

use super::{
    row_stream::RowStream,
    session::{Level, Turn},
};

/// Stream of the rows of a query inside a transaction. The transaction runs no other statement until it is dropped.
///
/// The rest of a query that is dropped half-read is read for 1 s by the next statement. If that does not suffice, the
/// transaction is rolled back, and the error is
/// [`ConnectionError::TransactionBroken`](crate::ConnectionError::TransactionBroken).
pub struct TenantTransactionStream<'a> {
    rows: Rows<'a>,
}

enum Rows<'a> {
    SeaOrm {
        // Dropped in this order: the stream holds SeaORM's lock, which must be free before ours.
        stream: TransactionStream<'a>,
        level: &'a Level,
        _turn: Turn,
    },
    Owned(RowStream<'a>),
}

impl<'a> TenantTransactionStream<'a> {
    pub(super) fn of_sea_orm(stream: TransactionStream<'a>, level: &'a Level, turn: Turn) -> Self {
        let rows = Rows::SeaOrm {
            stream,
            level,
            _turn: turn,
        };
        Self { rows }
    }

    pub(super) fn owned(statement: Statement, level: &'a Level, mut turn: Turn) -> Self {
        let rows = RowStream::new(|row| async move {
            let session = &level.session;
            let (Some(lease), Some(shared)) = (turn.lease(), &session.shared) else {
                return Err(session.broken());
            };
            let read = lease.for_each_row(&statement, |found| row.push(found)).await;
            session.context.explain(shared, level.note(read)).await
        });
        Self {
            rows: Rows::Owned(rows),
        }
    }
}

impl fmt::Debug for TenantTransactionStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantTransactionStream").finish_non_exhaustive()
    }
}

impl Stream for TenantTransactionStream<'_> {
    type Item = Result<QueryResult, DbErr>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.rows {
            Rows::SeaOrm { stream, level, .. } => {
                let item = Pin::new(stream).poll_next(context);
                item.map(|row| row.map(|row| level.note(row)))
            }
            Rows::Owned(rows) => Pin::new(rows).poll_next(context),
        }
    }
}

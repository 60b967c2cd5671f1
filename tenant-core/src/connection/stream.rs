//! [`TenantTransactionStream`]: the rows of a query inside a transaction, one by one.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::Stream;
use sea_orm::{DbErr, QueryResult, TransactionStream};

use super::session::{Level, Turn};

/// The rows of a query inside a transaction. The transaction does nothing else until it is dropped.
pub struct TenantTransactionStream<'a> {
    // Dropped in this order: the stream holds SeaORM's lock, which must be free when our turn ends.
    stream: TransactionStream<'a>,
    level: &'a Level,
    _turn: Turn,
}

impl<'a> TenantTransactionStream<'a> {
    pub(super) fn new(stream: TransactionStream<'a>, level: &'a Level, turn: Turn) -> Self {
        Self {
            stream,
            level,
            _turn: turn,
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
        let item = Pin::new(&mut self.stream).poll_next(context);
        item.map(|row| row.map(|row| self.level.note(row)))
    }
}

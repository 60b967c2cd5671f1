//! [`RowStream`]: the rows of a statement on a connection of the pool.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use futures_util::Stream;
use sea_orm::{DbErr, QueryResult};

/// Stream of the rows of a statement. It polls a future that owns the connection and reads the rows.
pub(super) struct RowStream<'a> {
    reading: Option<Reading<'a>>,
    row: RowCell,
}

type Reading<'a> = Pin<Box<dyn Future<Output = Result<(), DbErr>> + Send + 'a>>;

/// Slot for one row between the future that reads and the stream.
#[derive(Clone, Default)]
pub(super) struct RowCell(Arc<Mutex<Option<QueryResult>>>);

impl RowCell {
    /// Puts a row into the slot, and waits until the stream took it.
    pub(super) fn push(&self, row: QueryResult) -> impl Future<Output = ()> + Send + use<> {
        self.put(Some(row));
        let cell = self.clone();
        poll_fn(move |_| match cell.is_empty() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
    }

    fn put(&self, row: Option<QueryResult>) -> Option<QueryResult> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), row)
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

impl<'a> RowStream<'a> {
    /// Creates a stream of the rows that `reading` puts into the cell.
    pub(super) fn new<F>(reading: impl FnOnce(RowCell) -> F) -> Self
    where
        F: Future<Output = Result<(), DbErr>> + Send + 'a,
    {
        let row = RowCell::default();
        Self {
            reading: Some(Box::pin(reading(row.clone()))),
            row,
        }
    }
}

impl Stream for RowStream<'_> {
    type Item = Result<QueryResult, DbErr>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(reading) = &mut self.reading else {
            return Poll::Ready(None);
        };
        let polled = reading.as_mut().poll(context);
        if let Some(row) = self.row.put(None) {
            return Poll::Ready(Some(Ok(row)));
        }
        let Poll::Ready(result) = polled else {
            return Poll::Pending;
        };
        self.reading = None;
        Poll::Ready(result.err().map(Err))
    }
}

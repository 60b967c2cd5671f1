//! Single statements that run as the tenant's role on a connection that the application brought: each is a transaction
//! of its own.

use std::{
    fmt,
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    vec,
};

use futures_util::{
    Stream, StreamExt as _, TryStreamExt as _,
    future::{Either, select},
    stream::TryReadyChunksError,
};
use sea_orm::{
    DbErr, QueryResult, QueryStream, Statement, StreamTrait, TransactionOptions, TransactionSession,
};
use tokio::{
    runtime::Handle,
    sync::mpsc::{self, Receiver, Sender},
};
use tracing::Instrument as _;

use super::{TenantConnection, TenantTransaction, rows::RowStream};
use crate::detached::ShutDown;

/// How many rows are sent at once, if the server sent as many. As many again are read ahead.
const ROWS_AT_ONCE: usize = 64;

/// Rows, or that there are no more. A channel that ends without either was cut.
type Message = Result<Option<Vec<QueryResult>>, DbErr>;

/// Runs one statement in a transaction of its own. Its effect is there when this returns, as it is without one.
pub(super) async fn run<T, F>(connection: &TenantConnection, statement: F) -> Result<T, DbErr>
where
    F: for<'c> FnOnce(&'c TenantTransaction) -> Pin<Box<dyn Future<Output = Result<T, DbErr>> + Send + 'c>>,
{
    let transaction = TenantTransaction::begin(connection, TransactionOptions::default()).await?;
    let result = statement(&transaction).await;
    end(transaction, result).await
}

async fn end<T>(transaction: TenantTransaction, result: Result<T, DbErr>) -> Result<T, DbErr> {
    match result {
        Ok(value) => transaction.commit().await.map(|()| value),
        Err(error) => {
            // What went wrong is the statement. If this fails too, the connection is gone, and the transaction with it.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}

/// Begins to read the rows of a statement. A stream cannot own the transaction that it borrows from, so a task owns
/// both and sends the rows.
pub(super) async fn stream(
    connection: &TenantConnection,
    statement: Statement,
) -> Result<TenantStream, DbErr> {
    let runtime = Handle::try_current().map_err(|_| ShutDown)?;
    let transaction = TenantTransaction::begin(connection, TransactionOptions::default()).await?;
    let (sender, receiver) = mpsc::channel(1);
    runtime.spawn(send_all(transaction, statement, sender).in_current_span());
    let rows = Rows::Sent(Vec::new().into_iter(), receiver);
    Ok(TenantStream { rows })
}

async fn send_all(transaction: TenantTransaction, statement: Statement, sender: Sender<Message>) {
    let sent = send_rows(&transaction, statement, &sender).await;
    let ended = pin!(end(transaction, sent));
    // With nobody to read on, it is left to itself, like any end of a transaction that nobody waits for.
    if let Either::Left((result, _)) = select(ended, pin!(sender.closed())).await {
        let _ = sender.send(result.map(|()| None)).await;
    }
}

/// Ends when nobody reads on as well. A statement that writes has its effect all the same, as it has outside of a
/// transaction.
async fn send_rows(
    transaction: &TenantTransaction,
    statement: Statement,
    sender: &Sender<Message>,
) -> Result<(), DbErr> {
    let mut rows = transaction
        .stream_raw(statement)
        .await?
        .try_ready_chunks(ROWS_AT_ONCE);
    let mut gone = pin!(sender.closed());
    while let Either::Left((Some(chunk), _)) = select(rows.next(), gone.as_mut()).await {
        let (rows, error) = match chunk {
            Ok(rows) => (rows, None),
            Err(TryReadyChunksError(rows, error)) => (rows, Some(error)),
        };
        let _ = sender.send(Ok(Some(rows))).await;
        if let Some(error) = error {
            return Err(error);
        }
    }
    Ok(())
}

/// The rows of a query on a tenant's connection, one by one. It holds a connection until it is dropped.
pub struct TenantStream {
    rows: Rows,
}

enum Rows {
    Direct(QueryStream),
    Owned(RowStream<'static>),
    /// Those that came last, and where others come from.
    Sent(vec::IntoIter<QueryResult>, Receiver<Message>),
    Ended,
}

impl TenantStream {
    pub(super) fn owned(rows: RowStream<'static>) -> Self {
        Self {
            rows: Rows::Owned(rows),
        }
    }

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
            Rows::Sent(rows, receiver) => (rows, receiver),
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

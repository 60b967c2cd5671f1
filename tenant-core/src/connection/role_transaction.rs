//! Single statements that run as the tenant's role on a connection that the application brought. Each gets a
//! transaction of its own. Statements arrive rendered.

use std::{
    future::Future,
    pin::{Pin, pin},
};

use futures_util::{
    StreamExt as _, TryStreamExt as _,
    future::{Either, select},
    stream::TryReadyChunksError,
};
use sea_orm::{DbErr, Statement, TransactionOptions};
use tokio::{
    runtime::Handle,
    sync::mpsc::{self, Sender},
};
use tracing::Instrument as _;

use super::{
    TenantConnection, TenantTransaction,
    detached::ShutDown,
    stream::{Chunk, TenantStream},
};

/// Most rows in one message. As many again are read ahead.
const ROWS_PER_CHUNK: usize = 64;

/// Runs one statement in a transaction of its own, and commits it.
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
            // The error to report is the statement's. If the rollback fails, the connection is gone, and the
            // transaction with it.
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
    Ok(TenantStream::received(receiver))
}

async fn send_all(transaction: TenantTransaction, statement: Statement, sender: Sender<Chunk>) {
    let sent = send_rows(&transaction, statement, &sender).await;
    let ended = pin!(end(transaction, sent));
    // If the receiver is gone, the end of the transaction runs in its own task.
    if let Either::Left((result, _)) = select(ended, pin!(sender.closed())).await {
        let _ = sender.send(result.map(|()| None)).await;
    }
}

/// Sends rows until the last one, or until the receiver is gone. A statement that writes has its effect in both cases,
/// as it has outside of a transaction.
async fn send_rows(
    transaction: &TenantTransaction,
    statement: Statement,
    sender: &Sender<Chunk>,
) -> Result<(), DbErr> {
    let turn = transaction.level.turn().await?;
    let mut rows = transaction
        .stream_rendered(turn, statement)
        .await?
        .try_ready_chunks(ROWS_PER_CHUNK);
    let mut closed = pin!(sender.closed());
    while let Either::Left((Some(chunk), _)) = select(rows.next(), closed.as_mut()).await {
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

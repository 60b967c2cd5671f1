//! The workers of an executor: the first one stays connected until the end. The others are connected for as long as there is
//! work for them.

use std::time::Duration;

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, DbErr};
use tokio::time::timeout;

use crate::{database::scalar, run::worker::Worker};

impl Worker {
    /// Returns `workers` and more of them: as many as are `wanted` and the server has connections for, this one, the first,
    /// among them. The caller [releases](release) them.
    pub(crate) async fn acquire(&self, mut workers: Vec<Worker>, wanted: usize) -> Vec<Worker> {
        if workers.is_empty() {
            workers.push(self.clone());
        }
        if workers.len() < wanted {
            self.connect_more(&mut workers, wanted).await;
        }
        workers
    }

    async fn connect_more(&self, workers: &mut Vec<Worker>, wanted: usize) {
        let free = match free_connections(&self.db).await {
            Ok(free) => free,
            Err(error) => {
                tracing::warn!(%error, "the server does not say how many connections it has left: no more workers are used");
                0
            }
        };
        let more = (wanted - workers.len()).min(free);
        if workers.len() + more < wanted {
            tracing::warn!(
                wanted,
                free,
                "the server has few connections left: fewer workers are used"
            );
        }
        let connecting = (0..more).map(|_| timeout(CONNECT_TIMEOUT, self.another()));
        for connected in join_all(connecting).await {
            match connected {
                Ok(Ok(worker)) => workers.push(worker),
                Ok(Err(error)) => tracing::warn!(%error, "one worker less"),
                Err(_) => tracing::warn!("one worker less: the server does not let it connect"),
            }
        }
    }
}

/// Closes the connections of workers but the first.
pub(crate) async fn release(workers: Vec<Worker>) {
    for worker in workers.into_iter().skip(1) {
        if let Err(error) = worker.db.close().await {
            tracing::debug!(%error, "a connection was not closed");
        }
    }
}

/// Timeout for a worker to connect. Without it, the others do its work.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Query for the number of connections that the server, the user and the database may have more. The server keeps some for
/// superusers, and we leave some for others. An ordinary user sees of other users' sessions only that they are there.
/// <https://www.postgresql.org/docs/current/runtime-config-connection.html#GUC-MAX-CONNECTIONS>
const FREE_CONNECTIONS: &str = include_str!("free_connections.sql");

/// Number of connections that are left for others that connect meanwhile.
const LEFT_FOR_OTHERS: i64 = 2;

async fn free_connections(db: &impl ConnectionTrait) -> Result<usize, DbErr> {
    let free: Option<i64> = scalar(db, FREE_CONNECTIONS, [LEFT_FOR_OTHERS.into()]).await?;
    Ok(free
        .and_then(|free| usize::try_from(free).ok())
        .unwrap_or_default())
}

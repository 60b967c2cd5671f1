//! Reset of connections that were returned with unfinished work.

use sea_orm::sqlx::{Connection as _, Error, Executor as _, PgConnection};
use tokio::runtime::Handle;
use tracing::Instrument as _;

use super::{
    connection::PooledConnection,
    count,
    driver_error::is_end_of_session,
    leftovers::{EndOnDrop, Leftovers},
    permit::Permit,
};

/// Resets a connection in a task, and puts it back if that succeeds in time. The slot is busy until then.
pub(super) fn start(permit: Permit, mut connection: PooledConnection, leftovers: Leftovers) {
    // Without a runtime, dropping the connection closes it, which rolls back.
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    let time = leftovers.time_to_read();
    let work = async move {
        let cleaned = tokio::time::timeout(time, clean(&mut connection.raw, leftovers)).await;
        match cleaned {
            Ok(Ok(())) => {
                connection.heard(std::time::Instant::now());
                permit.put_back(connection);
            }
            Ok(Err(_)) => permit.pool().suspect(),
            Err(_) => {
                if leftovers.is_half_read {
                    tracing::debug!("a connection was closed: a stream of it was dropped half-read");
                } else {
                    tracing::warn!("a connection was closed: its server did not answer within {time:?}");
                }
                count(&permit.pool().0.counters.not_cleaned);
            }
        }
    };
    runtime.spawn(work.in_current_span());
}

/// Closes a connection in a task. The slot is busy until then, so that `max_connections` holds.
pub(super) fn close(permit: Permit, connection: PooledConnection) {
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    runtime.spawn(async move {
        connection.close().await;
        drop(permit);
    });
}

async fn clean(raw: &mut PgConnection, leftovers: Leftovers) -> Result<(), Error> {
    let mut has_failed = leftovers.has_unseen_error;
    drain(raw, &mut has_failed).await?;
    match leftovers.transaction {
        None => Ok(()),
        Some(EndOnDrop::Commit) if !has_failed => commit(raw).await,
        Some(_) => raw.execute("ROLLBACK").await.map(drop),
    }
}

/// Commits. An error of PostgreSQL means that it has rolled back, after which the session is clean, too.
async fn commit(raw: &mut PgConnection) -> Result<(), Error> {
    match raw.execute("COMMIT").await {
        Err(error) if is_end_of_session(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Reads all unread answers. sqlx stops reading at each error, so this repeats until a ping is answered.
pub(super) async fn drain(raw: &mut PgConnection, has_failed: &mut bool) -> Result<(), Error> {
    loop {
        match raw.ping().await {
            Ok(()) => return Ok(()),
            Err(error) if is_end_of_session(&error) => return Err(error),
            Err(_) => *has_failed = true,
        }
    }
}

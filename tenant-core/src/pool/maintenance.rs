//! Maintenance: closes connections that are idle for too long or too old, and keeps `min_connections` open.
//! The times are in [`settings`](super::settings).

use std::{
    sync::{Arc, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use sea_orm::DbErr;
use tokio::runtime::Handle;

use super::{Inner, Pool, count, lock, permit::Permit};

const MAX_PAUSE: Duration = Duration::from_secs(30);
const MIN_PAUSE: Duration = Duration::from_millis(50);

/// Starts the maintenance task of a pool. It ends when the pool is dropped or closed.
pub(super) fn start(pool: &Pool) {
    let settings = &pool.0.settings;
    let shortest = [settings.idle_timeout, settings.max_lifetime]
        .into_iter()
        .flatten()
        .min();
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    let pause = shortest.map_or(MAX_PAUSE, |time| (time / 2).clamp(MIN_PAUSE, MAX_PAUSE));
    runtime.spawn(run(Arc::downgrade(&pool.0), pause));
}

async fn run(pool: Weak<Inner>, pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        let Some(inner) = pool.upgrade() else { return };
        let pool = Pool(inner);
        if pool.is_closed() {
            return;
        }
        for slot in 0..pool.0.settings.max_connections {
            pool.maintain(slot).await;
        }
    }
}

impl Pool {
    /// Opens `min_connections`, and at least one unless the options say `connect_lazy`.
    pub(super) async fn open_eagerly(&self) -> Result<(), DbErr> {
        let settings = &self.0.settings;
        let wanted = settings.min_connections.max(usize::from(!settings.is_lazy));
        for slot in 0..wanted.min(settings.max_connections) {
            self.open_in(slot).await?;
        }
        Ok(())
    }

    /// Opens a connection in an idle slot that has none.
    async fn open_in(&self, slot: usize) -> Result<(), DbErr> {
        let Some(permit) = self.take_idle(slot) else {
            return Ok(());
        };
        let is_empty = lock(&self.0.idle[slot]).is_none();
        if is_empty {
            let connection = self.open().await?;
            *lock(&self.0.idle[slot]) = Some(connection);
        }
        drop(permit);
        Ok(())
    }

    fn take_idle(&self, slot: usize) -> Option<Permit> {
        let is_taken = lock(&self.0.scheduler).take_idle(slot, Instant::now());
        is_taken.then(|| Permit::new(self, slot))
    }

    async fn maintain(&self, slot: usize) {
        self.close_old(slot).await;
        let open = self.0.counters.open.load(Ordering::Relaxed);
        if open < self.0.settings.min_connections
            && let Err(error) = self.open_in(slot).await
        {
            tracing::debug!(%error, "maintenance could not open a connection");
        }
    }

    async fn close_old(&self, slot: usize) {
        let Some(permit) = self.take_idle(slot) else {
            return;
        };
        let idle = lock(&self.0.idle[slot]).take();
        let Some(connection) = idle else { return };
        let settings = &self.0.settings;
        let is_surplus = self.0.counters.open.load(Ordering::Relaxed) > settings.min_connections;
        let idle_for = Instant::now().saturating_duration_since(connection.idle_since());
        if is_surplus && settings.idle_timeout.is_some_and(|max| idle_for > max) {
            count(&self.0.counters.idle);
            connection.close().await;
        } else if connection.is_expired(settings.max_lifetime) {
            count(&self.0.counters.expired);
            connection.close().await;
        } else {
            permit.put_back(connection);
        }
    }
}

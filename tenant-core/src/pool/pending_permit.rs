//! [`PendingPermit`]: a place in a queue for a connection.

use std::time::{Duration, Instant};

use sea_orm::DbErr;
use tokio::{sync::oneshot, time::timeout_at};

use super::{Pool, closed, lock, permit::Permit, scheduler::Ticket};

/// The longest pause between two looks for an idle connection.
const MAX_PAUSE: Duration = Duration::from_millis(50);

/// A place in a queue. Dropping it gives the place up, and the connection that may have come meanwhile.
pub(super) struct PendingPermit {
    pool: Pool,
    ticket: Ticket,
    receiver: oneshot::Receiver<Permit>,
    /// The time from which any idle connection will do.
    home_until: Instant,
}

impl PendingPermit {
    pub(super) fn new(
        pool: &Pool,
        ticket: Ticket,
        receiver: oneshot::Receiver<Permit>,
        home_until: Instant,
    ) -> Self {
        Self {
            pool: pool.clone(),
            ticket,
            receiver,
            home_until,
        }
    }

    pub(super) async fn permit(mut self, deadline: Instant) -> Result<Permit, DbErr> {
        let mut wake = self.home_until.min(deadline);
        let mut pause = Duration::from_millis(1);
        loop {
            match timeout_at(wake.into(), &mut self.receiver).await {
                Ok(Ok(permit)) => return Ok(permit),
                Ok(Err(_)) => return Err(closed()),
                Err(_) if wake >= deadline => return Err(self.pool.timed_out()),
                Err(_) => self.pool.expire(),
            }
            wake = (Instant::now() + pause).min(deadline);
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }
}

impl Drop for PendingPermit {
    fn drop(&mut self) {
        lock(&self.pool.0.scheduler).cancel(self.ticket);
    }
}

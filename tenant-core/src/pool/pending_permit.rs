//! [`PendingPermit`]: a place in a queue for a permit.

use std::time::{Duration, Instant};

use sea_orm::DbErr;
use tokio::{sync::oneshot, time::timeout_at};

use super::{Pool, closed, lock, permit::Permit, scheduler::Ticket};

/// Longest pause between two checks for an idle connection.
const MAX_PAUSE: Duration = Duration::from_millis(50);

/// A place in a queue. Dropping it leaves the queue, and returns a permit that came meanwhile.
pub(super) struct PendingPermit {
    pool: Pool,
    ticket: Ticket,
    receiver: oneshot::Receiver<Permit>,
    /// End of the wait for a home connection. After it, any idle connection is taken.
    home_deadline: Instant,
}

impl PendingPermit {
    pub(super) fn new(
        pool: &Pool,
        ticket: Ticket,
        receiver: oneshot::Receiver<Permit>,
        home_deadline: Instant,
    ) -> Self {
        Self {
            pool: pool.clone(),
            ticket,
            receiver,
            home_deadline,
        }
    }

    pub(super) async fn permit(mut self, deadline: Instant) -> Result<Permit, DbErr> {
        let mut wake = self.home_deadline.min(deadline);
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

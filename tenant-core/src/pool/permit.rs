//! [`Permit`]: a slot of the pool in use.

use super::{Pool, connection::PooledConnection, lock};

/// A slot of the pool in use. Dropping it frees the slot for the next request.
pub(super) struct Permit {
    pool: Pool,
    slot: usize,
}

impl Permit {
    pub(super) fn new(pool: &Pool, slot: usize) -> Self {
        Self {
            pool: pool.clone(),
            slot,
        }
    }

    pub(super) fn slot(&self) -> usize {
        self.slot
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Gives the connection back to the slot.
    pub(super) fn put_back(self, connection: PooledConnection) {
        if !self.pool.is_closed() {
            *lock(&self.pool.0.idle[self.slot]) = Some(connection);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.pool.release(self.slot);
    }
}

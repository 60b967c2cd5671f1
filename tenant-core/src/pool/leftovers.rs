//! [`Leftovers`]: the unfinished work of a connection.

use std::time::Duration;

use super::TIMEOUT;

/// Longest time for which the unread rows of a query are read. Their number may be of any size, and closing the
/// connection loses nothing.
const TIME_FOR_ROWS: Duration = Duration::from_secs(1);

/// Unfinished work of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Leftovers {
    /// A statement was sent, and its answer was not read to the end.
    pub(super) is_in_flight: bool,
    /// Rows of that statement came in, and it changes none itself.
    pub(super) is_half_read: bool,
    /// The last answer was an error, so the end of the message may be unread.
    pub(super) has_unread_end: bool,
    /// An error was read for a statement whose caller is gone.
    pub(super) has_unseen_error: bool,
    pub(super) transaction: Option<EndOnDrop>,
    pub(super) is_unguarded: bool,
    pub(super) is_lost: bool,
    /// Too many statements were prepared again: close it after use.
    pub(super) is_worn_out: bool,
    /// A statement of the open transaction was out of date.
    pub(super) was_out_of_date: bool,
}

impl Leftovers {
    /// Returns the longest time for which unread answers are read.
    pub(super) fn time_to_read(&self) -> Duration {
        match self.is_half_read && self.transaction != Some(EndOnDrop::Commit) {
            true => TIME_FOR_ROWS,
            false => TIMEOUT,
        }
    }
}

/// End of a transaction that is open when the lease is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndOnDrop {
    Rollback,
    /// For a single statement: it has its effect even if its rows are not read to the end, as outside of a transaction.
    Commit,
}

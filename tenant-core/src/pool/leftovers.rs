//! [`Leftovers`]: the unfinished work of a connection.

/// Unfinished work of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Leftovers {
    /// A statement was sent, and its answer was not read to the end.
    pub(super) is_in_flight: bool,
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

/// End of a transaction that is open when the lease is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndOnDrop {
    Rollback,
    /// For a single statement: it has its effect even if its rows are not read to the end, as outside of a transaction.
    Commit,
}

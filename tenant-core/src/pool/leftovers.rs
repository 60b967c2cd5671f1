//! [`Leftovers`]: the unfinished work of a connection.

/// Unfinished work of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Leftovers {
    /// A statement was sent, and its answer is not read to the end.
    pub(super) is_in_flight: bool,
    /// The last answer was an error, after which the end of the message may be unread.
    pub(super) has_unread_end: bool,
    /// An error was read for a statement that nobody waits for any more.
    pub(super) has_unseen_error: bool,
    pub(super) transaction: Option<EndOnDrop>,
    pub(super) is_unguarded: bool,
    pub(super) is_lost: bool,
    /// It is closed after use, for it keeps too much.
    pub(super) is_worn: bool,
    /// A statement of the open transaction was out of date.
    pub(super) was_out_of_date: bool,
}

/// The end of a transaction that is left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndOnDrop {
    Rollback,
    /// A single statement has its effect although nobody reads its rows to the end, as it has outside of a transaction.
    Commit,
}

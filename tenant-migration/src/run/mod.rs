//! Running plans: the executor, its workers, and which of them works on which schema when.

pub(crate) mod executor;
pub(crate) mod for_each;
pub(crate) mod preview;
pub(crate) mod retry;
mod scheduler;
mod versions;
mod worker;
mod worker_pool;

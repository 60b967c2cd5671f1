//! Running plans: the executor, its workers, and which of them works on which schema when.

mod executor;
mod failures;
pub(crate) mod for_each;
pub(crate) mod retry;
mod scheduler;
mod versions;
mod worker;
mod worker_pool;

#[cfg(feature = "cli")]
pub(crate) use self::for_each::{Data, for_each};
pub use self::{
    executor::{Executor, Preview},
    for_each::{TaskError, for_each_tenant},
};
pub(crate) use self::{retry::Retryable, worker::Worker};

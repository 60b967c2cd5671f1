//! Transient errors and backoff: the SQLSTATEs after which a transaction is tried again, and the pauses between attempts.
//!
//! Runs, drops, renames and clones share them. Steps outside of transactions are not tried again.

use std::{fmt::Display, time::Duration};

use sea_orm::DbErr;
use tenant_core::SchemaName;

use crate::{
    database::{broken_key, sqlstate},
    plan::SchemaError,
};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The attempts where the lock table of the server is full: others may have filled it, or this work alone. Each attempt
/// takes the locks of all others.
const ATTEMPTS_WITHOUT_LOCKS: u32 = 2;

/// The attempts where something was there already: two tenants may have made the same object of all at the same time, such as
/// by `CREATE EXTENSION IF NOT EXISTS`. Then it is there at the next attempt. Otherwise trying again does not help.
const ATTEMPTS_AFTER_A_RACE: u32 = 3;

/// An error of work that may be done again.
pub(crate) trait Retryable: Display {
    /// The error of the database that made the work fail.
    fn database_error(&self) -> Option<&DbErr>;
}

impl Retryable for SchemaError {
    fn database_error(&self) -> Option<&DbErr> {
        match self {
            Self::Migration { source, .. } | Self::Hook { source, .. } | Self::Database(source) => {
                Some(source)
            }
            _ => None,
        }
    }
}

/// Does work in a schema, and does it again where the database failed for a transient reason: up to `attempts` times in
/// all.
pub(crate) async fn with_retry<T, E, W>(
    schema: &SchemaName,
    attempts: u32,
    work: impl Fn() -> W,
) -> Result<T, E>
where
    E: Retryable,
    W: Future<Output = Result<T, E>>,
{
    let mut attempt = 1;
    loop {
        match work().await {
            Err(error) if attempt < useful_attempts(&error, attempts) => {
                tracing::warn!(%schema, attempt, %error, "trying again");
                tokio::time::sleep(pause(attempt)).await;
                attempt += 1;
            }
            result => return result,
        }
    }
}

/// The number of attempts, of `attempts`, that an error is worth.
fn useful_attempts(error: &impl Retryable, attempts: u32) -> u32 {
    match error.database_error() {
        Some(error) if sqlstate(error) == Some("53200") => attempts.min(ATTEMPTS_WITHOUT_LOCKS),
        Some(error) if is_transient(error) => attempts,
        Some(error) if may_be_a_race(error) => attempts.min(ATTEMPTS_AFTER_A_RACE),
        _ => 1,
    }
}

/// True if PostgreSQL may do the same when it is asked again.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
pub(crate) fn is_transient(error: &DbErr) -> bool {
    matches!(
        sqlstate(error),
        Some(
            "40001" // serialization_failure
            | "40P01" // deadlock_detected
            | "53200" // out_of_memory: the lock table is full
            | "53300" // too_many_connections
            | "55P03" // lock_not_available
        )
    )
}

/// True if another transaction may have made the same object at the same time: it exists, or it breaks a key of PostgreSQL's
/// catalogs.
fn may_be_a_race(error: &DbErr) -> bool {
    let is_of_catalogs = |key: &str| key.starts_with("pg_");
    sqlstate(error) == Some("42710") || broken_key(error).is_some_and(is_of_catalogs)
}

/// The pause before the next attempt: from 0.1 s to 5 s, each twice as long as the one before, less a random part of up to
/// a half, so that two who failed at the same moment do not meet again.
pub(crate) fn pause(attempt: u32) -> Duration {
    let whole = FIRST_PAUSE
        .saturating_mul(1 << attempt.min(10))
        .min(LONGEST_PAUSE);
    whole.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_differ() {
        for attempt in 0..40 {
            let whole = FIRST_PAUSE
                .saturating_mul(1 << attempt.min(10))
                .min(LONGEST_PAUSE);
            let pause = pause(attempt);
            assert!(pause >= whole / 2 && pause <= whole, "{attempt}: {pause:?}");
        }
        let pauses: std::collections::BTreeSet<_> = (0..20).map(|_| pause(10)).collect();
        assert!(pauses.len() > 1);
    }
}

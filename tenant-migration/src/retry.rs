//! What passes by itself, and how long to wait for it.

use std::time::Duration;

use sea_orm::DbErr;
use tenant_core::SchemaName;

use crate::{
    error::{SchemaError, sqlstate},
    lifecycle::LifecycleError,
};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often something is tried where the lock table is full: others may have filled it, or this alone. That takes the
/// locks of all others each time.
const ATTEMPTS_WITHOUT_LOCKS: u32 = 2;

/// How often to try the same, of `attempts`, which failed like this.
pub(crate) fn attempts(error: &SchemaError, attempts: u32) -> u32 {
    match error {
        SchemaError::Migration { source, .. }
        | SchemaError::Hook { source, .. }
        | SchemaError::Database(source) => match sqlstate(source) {
            Some("53200") => attempts.min(ATTEMPTS_WITHOUT_LOCKS),
            _ if is_transient(source) => attempts,
            _ => 1,
        },
        _ => 1,
    }
}

/// Whether PostgreSQL may do it when it is asked again.
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

/// Does something that waits for no lock for long, up to so many times, where the database failed for a reason that passes.
pub(crate) async fn patiently<T, W>(
    schema: &SchemaName,
    attempts: u32,
    work: impl Fn() -> W,
) -> Result<T, LifecycleError>
where
    W: Future<Output = Result<T, LifecycleError>>,
{
    let mut attempt = 1;
    loop {
        match work().await {
            Err(LifecycleError::Database(error)) if attempt < attempts && is_transient(&error) => {
                tracing::warn!(%schema, attempt, %error, "trying again");
                tokio::time::sleep(pause(attempt)).await;
                attempt += 1;
            }
            result => return result,
        }
    }
}

/// How long to wait before the next attempt: twice as long each time, and never as long as somebody else who failed
/// at the same moment.
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

//! [`Results`]: results of a statement or a task for each tenant.

use tenant_core::Tenant;

use crate::{cli::error::CliError, run::TaskError};

/// The result for each tenant.
pub(super) type Results<T, E> = Vec<(Tenant, Result<T, TaskError<E>>)>;

/// Returns an error if a tenant failed.
pub(super) fn require_success<T, E>(results: &Results<T, E>) -> Result<(), CliError> {
    match count_failed(results) {
        0 => Ok(()),
        failed => Err(CliError::TenantsFailed {
            failed,
            all: results.len(),
        }),
    }
}

/// Summarizes results, such as "3 tenants: 7 rows, 1 failed".
pub(super) fn summary<T, E>(results: &Results<T, E>, done: &str) -> String {
    let tenants = match results.len() {
        1 => "1 tenant".to_owned(),
        many => format!("{many} tenants"),
    };
    match count_failed(results) {
        0 => format!("{tenants}: {done}"),
        failed => format!("{tenants}: {done}, {failed} failed"),
    }
}

pub(super) fn count_failed<T, E>(results: &Results<T, E>) -> usize {
    results.iter().filter(|(_, result)| result.is_err()).count()
}

/// Describes the error of a task. `describe` does so for an error that the task itself returned.
pub(super) fn describe_error<E>(error: &TaskError<E>, describe: impl FnOnce(&E) -> String) -> String {
    match error {
        TaskError::Failed(error) => describe(error),
        TaskError::Panicked(message) => TaskError::<&str>::Panicked(message.clone()).to_string(),
        TaskError::Interrupted => TaskError::<&str>::Interrupted.to_string(),
    }
}

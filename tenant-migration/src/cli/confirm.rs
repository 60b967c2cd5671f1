//! Confirmation before data is dropped.

use std::io::{self, Write};

use crate::cli::{Context, args::Confirmation, error::CliError};

/// Succeeds if the arguments have `--yes`, or a person at the terminal types "yes".
pub(super) fn confirm(
    context: &Context<'_>,
    confirmation: Confirmation,
    action: &str,
) -> Result<(), CliError> {
    if confirmation.yes || (context.terminal.is_interactive && ask(action)?) {
        return Ok(());
    }
    Err(CliError::NotConfirmed {
        what: action.to_owned(),
    })
}

fn ask(action: &str) -> io::Result<bool> {
    let mut err = io::stderr();
    write!(err, "{action}. Type yes to go on: ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

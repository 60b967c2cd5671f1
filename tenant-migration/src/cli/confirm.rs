//! Asking before data is dropped.

use std::io::{self, Write};

use crate::cli::{Context, args::Confirmation, error::CliError};

/// Goes on if the arguments say yes, or a person at a terminal does.
pub(super) fn confirm(context: &Context<'_>, confirmation: Confirmation, what: &str) -> Result<(), CliError> {
    if confirmation.yes || (context.is_interactive && ask(what)?) {
        return Ok(());
    }
    Err(CliError::NotConfirmed {
        what: what.to_owned(),
    })
}

fn ask(what: &str) -> io::Result<bool> {
    let mut err = io::stderr();
    write!(err, "{what} drops data. Type yes to go on: ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

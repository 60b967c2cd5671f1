//! `completions`.

use std::{env, io::Write, path::Path};

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::cli::{Args, error::CliError};

pub(super) fn write(
    shell: Shell,
    program: Option<String>,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let mut command = Args::command();
    let program = program
        .or_else(name_in_arguments)
        .unwrap_or_else(|| command.get_name().to_owned());
    // `generate` panics if it cannot write, so it writes to memory.
    let mut script = Vec::new();
    generate(shell, &mut command, program, &mut script);
    out.write_all(&script)?;
    Ok(())
}

/// Returns the name with which this program was called.
fn name_in_arguments() -> Option<String> {
    let path = env::args_os().next()?;
    let name = Path::new(&path).file_stem()?.to_str()?;
    Some(name.to_owned())
}

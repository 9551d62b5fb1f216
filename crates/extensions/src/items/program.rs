//! Running the programs that read repositories, and saying well why one failed.

use std::io::{self, Write};

use redcedar_system::command::{Command, CommandError, Finished};
use redcedar_system::{Interrupted, System};

/// Why something was not backed up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The run was interrupted: nothing else is tried.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A program that did not end well.
    #[error("{0}")]
    Program(String),
    /// Something that cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Interrupted(interrupted) => Self::Interrupted(interrupted),
            error => Self::Program(error.to_string()),
        }
    }
}

/// Runs a program, which must succeed, and hands on what it prints.
pub(crate) fn stream(command: &Command, output: &mut dyn Write, system: &System) -> Result<(), Failure> {
    let finished = finished(command, output, system)?;
    if finished.success() { Ok(()) } else { Err(failure(command, &finished)) }
}

/// The same for a program that prints little.
pub(crate) fn output(command: &Command, system: &System) -> Result<Vec<u8>, Failure> {
    let mut output = Vec::new();
    stream(command, &mut output, system)?;
    Ok(output)
}

/// Runs a program to whatever end.
pub(crate) fn finished(
    command: &Command,
    output: &mut dyn Write,
    system: &System,
) -> Result<Finished, Failure> {
    system.monitor.debug(format!("Executing command {command}."));
    Ok(system.runner.stream(command, output)?)
}

/// How a program failed.
pub(crate) fn failure(command: &Command, finished: &Finished) -> Failure {
    Failure::Program(finished.explain(&command.program.to_string_lossy()))
}

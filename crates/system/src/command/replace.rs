//! Becoming another program.

use std::io;
use std::os::unix::process::CommandExt;

use super::Command;
use crate::Environment;

/// Puts a program in the place of this process, with its standard input, output and error, and the sanitised form of
/// `environment`. Of `command`, only the words and variables count. Returns only when that fails, with the reason.
#[must_use]
pub fn replace_self(command: &Command, environment: &Environment) -> io::Error {
    #[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
    let mut program = std::process::Command::new(&command.program);
    program
        .args(&command.arguments)
        .env_clear()
        .envs(environment.sanitised().iter())
        .envs(command.variables.iter().map(|(name, value)| (name, value)))
        .exec()
}

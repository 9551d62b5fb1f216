//! A runner that answers from a script and remembers what it was asked.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Mutex;

use crate::command::{Command, CommandError, Finished, Runner, Service, Stream};

/// Answers each command with the next scripted end; without a script every command succeeds silently.
#[derive(Debug, Default)]
pub struct ScriptedRunner {
    answers: Mutex<Vec<Result<Finished, CommandError>>>,
    commands: Mutex<Vec<Command>>,
}

impl ScriptedRunner {
    /// A runner that answers with `answers` in order, then with success.
    pub fn new(answers: impl IntoIterator<Item = Finished>) -> Self {
        Self::with_errors(answers.into_iter().map(Ok))
    }

    /// The same where the end of a program need not become known.
    pub fn with_errors(answers: impl IntoIterator<Item = Result<Finished, CommandError>>) -> Self {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        Self { answers: Mutex::new(answers), commands: Mutex::default() }
    }

    /// What was run so far.
    ///
    /// # Panics
    /// When another thread panicked while running a command.
    pub fn commands(&self) -> Vec<Command> {
        self.commands.lock().expect("no panic while running").clone()
    }
}

impl Runner for ScriptedRunner {
    fn run(&self, command: &Command) -> Result<Finished, CommandError> {
        self.commands.lock().expect("no panic while running").push(command.clone());
        let answer = self.answers.lock().expect("no panic while running").pop();
        answer.unwrap_or(Ok(Finished { status: 0, tail: Vec::new() }))
    }

    /// Nothing is printed.
    fn stream(&self, command: &Command, _output: &mut dyn Write) -> Result<Finished, CommandError> {
        self.run(command)
    }

    /// Nothing is read and nothing is printed.
    fn feed(
        &self,
        command: &Command,
        _input: &mut dyn Read,
        _heard: &mut dyn FnMut(&[u8]),
    ) -> Result<Finished, CommandError> {
        self.run(command)
    }

    /// Nothing is read and nothing is printed.
    fn converse(
        &self,
        command: &Command,
        _input: &mut dyn Read,
        _heard: &mut dyn FnMut(Stream, &[u8]),
    ) -> Result<Finished, CommandError> {
        self.run(command)
    }

    /// There is nothing that could run on.
    fn serve(&self, _command: &Command, _log: &Path) -> io::Result<Service> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Lets a function say what each program prints and how it ends.
pub struct PrintingRunner<F>(pub F);

impl<F: Fn(&Command) -> (Vec<u8>, Finished) + Send + Sync> Runner for PrintingRunner<F> {
    /// What is printed is lost.
    fn run(&self, command: &Command) -> Result<Finished, CommandError> {
        Ok((self.0)(command).1)
    }

    fn stream(&self, command: &Command, output: &mut dyn Write) -> Result<Finished, CommandError> {
        let (printed, finished) = (self.0)(command);
        let failed = |source| CommandError::Output { program: command.program.display().to_string(), source };
        output.write_all(&printed).map_err(failed)?;
        Ok(finished)
    }

    /// Nothing is read, and what is printed is lost.
    fn feed(
        &self,
        command: &Command,
        _input: &mut dyn Read,
        _heard: &mut dyn FnMut(&[u8]),
    ) -> Result<Finished, CommandError> {
        self.run(command)
    }

    /// Nothing is read, and what is printed is lost.
    fn converse(
        &self,
        command: &Command,
        _input: &mut dyn Read,
        _heard: &mut dyn FnMut(Stream, &[u8]),
    ) -> Result<Finished, CommandError> {
        self.run(command)
    }

    /// There is nothing that could run on.
    fn serve(&self, _command: &Command, _log: &Path) -> io::Result<Service> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

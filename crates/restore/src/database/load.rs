//! Loading a dump into a running server, by the server's own client.

mod mysql;
pub(crate) mod postgresql;

use std::ffi::OsString;

use redcedar_system::System;
use redcedar_system::account::Account;
use redcedar_system::command::{Command, CommandError, Finished, first_of};

use super::{ReadError, Server, StoredDump};

/// The server that a dump is loaded into.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// Whom the client runs as, which only root can decide; else as we do.
    pub account: Option<&'a Account>,
    /// What its client is told besides: where the server is, whom it knows us as.
    pub options: &'a [OsString],
    /// Loads into what is not empty, too.
    pub overwrite: bool,
    /// The outside world.
    pub system: &'a System,
}

/// What came of loading a dump.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// How long its text is.
    pub bytes: u64,
    /// What the server refused, while it took the rest.
    pub problems: Vec<String>,
}

/// Why a dump was not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It is not, or not wholly, there; nothing was loaded.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is something already where it would go; nothing was loaded.
    #[error("{0} on the server")]
    NotEmpty(String),
    /// The client or the server did not do what it was asked to.
    #[error("{0}")]
    Refused(String),
    /// What became of the client is not known.
    #[error(transparent)]
    Lost(#[from] CommandError),
}

impl StoredDump {
    /// Loads it into a server. It is compared with `cback.sha256` and read to its end before, so that no server gets a part of a
    /// dump, or another one; a database that is not empty is left alone, unless that is asked for.
    ///
    /// # Errors
    /// When it was not loaded. Single databases of PostgreSQL are then as they were before.
    pub fn load(&self, target: &Target<'_>) -> Result<Loaded, LoadError> {
        self.check(&target.system.interrupt)?;
        let bytes = self.prove(&target.system.interrupt)?;
        let problems = match self.dump.server {
            Server::Mysql => mysql::load(self, target)?,
            Server::Postgresql => postgresql::load(self, target)?,
        };
        Ok(Loaded { bytes, problems })
    }

    /// What is on a server that had nothing before it was loaded, in words.
    ///
    /// # Errors
    /// When the server does not say.
    pub(crate) fn look(&self, target: &Target<'_>) -> Result<String, LoadError> {
        match self.dump.server {
            Server::Mysql => mysql::look(target),
            Server::Postgresql => postgresql::look(self, target),
        }
    }

    /// Feeds a client with the text.
    fn pour(
        &self,
        command: &Command,
        other_name: Option<&str>,
        target: &Target<'_>,
        heard: &mut dyn FnMut(&[u8]),
    ) -> Result<(String, Finished), LoadError> {
        let mut text = self.open().map_err(ReadError::Read)?;
        named(command, other_name, |command| target.system.runner.feed(command, &mut text, heard))
    }
}

/// Asks the server a question, and returns the answer.
fn ask(command: &Command, other_name: Option<&str>, target: &Target<'_>) -> Result<String, LoadError> {
    let mut answer = Vec::new();
    let (program, finished) =
        named(command, other_name, |command| target.system.runner.stream(command, &mut answer))?;
    if !finished.success() {
        return Err(LoadError::Refused(finished.explain(&program)));
    }
    Ok(String::from_utf8_lossy(&answer).trim().to_owned())
}

/// Asks the server how many there are of something.
fn count(command: &Command, other_name: Option<&str>, target: &Target<'_>) -> Result<u64, LoadError> {
    let answer = ask(command, other_name, target)?;
    let unexpected =
        || LoadError::Refused(format!("the server was asked for a number and answered `{answer}`"));
    answer.parse().map_err(|_no_number| unexpected())
}

fn named(
    command: &Command,
    other_name: Option<&str>,
    mut run: impl FnMut(&Command) -> Result<Finished, CommandError>,
) -> Result<(String, Finished), LoadError> {
    let name = command.program.to_string_lossy();
    let (name, finished) =
        first_of(&name, other_name, |name| run(&Command { program: name.into(), ..command.clone() }))?;
    Ok((name.to_owned(), finished))
}

//! The connection that copying from a peer makes, for other uses.

use std::time::Duration;

use redcedar_system::command::{Command, CommandError, Finished, Limited};
use redcedar_system::{Interrupted, Runner, escape};

use super::options::beneath;
use super::{Settings, Trouble};
use crate::remote::{Identity, Remote, openssh_options};

/// How long one question may take.
const LIMIT: Duration = Duration::from_mins(1);
/// More than this is no answer to a question of ours.
const LONGEST_ANSWER: usize = 1 << 16;

/// How to reach a peer by `ssh` as its copy command does.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    words: Vec<String>,
    address: String,
    identity: Identity,
}

impl Connection {
    /// None when copying is not done by OpenSSH.
    pub(crate) fn of(remote: &Remote, identity: &Identity) -> Option<Self> {
        let words = beneath(remote.copy_words())?;
        Some(Self { words, address: remote.address().to_owned(), identity: identity.clone() })
    }

    /// The settings that it has, or how `ssh` ended that should have told.
    pub(crate) fn settings(&self, runner: &dyn Runner) -> Result<Result<Settings, Finished>, Interrupted> {
        let words = self.words.iter().map(String::as_str).chain(["-G", &self.address]);
        let command = self.identity.command(&words.collect::<Vec<_>>());
        let (finished, answer) = ask(runner, &command)?;
        if !finished.success() {
            return Ok(Err(finished));
        }
        let home = self.identity.account().map(|account| account.home).unwrap_or_default();
        Ok(Ok(Settings::parse(&String::from_utf8_lossy(&answer), &home)))
    }

    /// Runs a command line there.
    pub(crate) fn command(&self, line: &str) -> Command {
        let own = self.words.iter().map(String::as_str);
        let words = own.chain(openssh_options().map(|option| option as &str)).chain([&*self.address, line]);
        self.identity.command(&words.collect::<Vec<_>>())
    }

    /// The command line that shows a person what happens.
    pub(crate) fn by_hand(&self) -> String {
        let words: Vec<_> =
            self.words.iter().map(|word| redcedar_system::quote::word(word.as_ref())).collect();
        format!("{} -v {} true", words.join(" "), self.address)
    }

    /// What kept it from coming about; none when it came about.
    pub(crate) fn trouble(finished: &Finished) -> Option<Trouble> {
        match finished.status {
            255 => Some(Trouble::tell(&finished.tail)),
            // It was not even started, or never came to an end.
            256 if said(finished).contains("took longer") => Some(Trouble::Silent),
            256 => Some(Trouble::Settings),
            _ => None,
        }
    }
}

/// Runs a command and keeps what it prints to its standard output.
pub(crate) fn ask(runner: &dyn Runner, command: &Command) -> Result<(Finished, Vec<u8>), Interrupted> {
    let mut answer = Limited::new(LONGEST_ANSWER);
    let command = command.clone().time_limit(Some(LIMIT));
    let finished = finished(runner.stream(&command, &mut answer))?;
    Ok((finished, answer.into_bytes()))
}

/// A program that took too long or could not be followed has come to an end, too: like one that could not be started.
fn finished(result: Result<Finished, CommandError>) -> Result<Finished, Interrupted> {
    match result {
        Ok(finished) => Ok(finished),
        Err(CommandError::Interrupted(interrupted)) => Err(interrupted),
        Err(error) => Ok(Finished { status: 256, tail: vec![error.to_string()] }),
    }
}

/// The last thing that a program printed, safe to be shown.
pub(crate) fn said(finished: &Finished) -> String {
    let last = finished.tail.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty());
    match last {
        Some(line) => escape::display(line).to_string(),
        None => format!("it ended with {} and said nothing", finished.status),
    }
}

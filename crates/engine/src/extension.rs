//! What an extension is to the pool: the engine knows none of them, whoever runs a plan hands them in.

use redcedar_config::cedar::Options;
use redcedar_config::{Config, Diagnostic, Document};
use redcedar_system::{Interrupted, System};

use crate::item::ownership::Ownership;
use crate::outcome::Outcome;

/// When an extension acts on what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It writes into the collect directory, as `collect` does.
    Source,
    /// It works on staged days.
    Staged,
    /// It looks at something and changes nothing. What it finds fails the run, but keeps nothing from being done.
    Watch,
}

/// Something besides files that is backed up, or something that is done with staged days.
pub trait Extension: Send + Sync {
    /// Its name: the last part of the module in configurations.
    fn name(&self) -> &'static str;

    /// When it acts on what.
    fn kind(&self) -> Kind;

    /// Whether it runs as a part of `collect` wherever its section is, with no action of its own. So do those that the
    /// originals do not have: an action would make the file useless to them.
    fn belongs_to_collect(&self) -> bool {
        false
    }

    /// Everything that is wrong or doubtful in its section, found without touching what it backs up.
    fn check(&self, document: &Document, config: &Config) -> Vec<Diagnostic>;

    /// Does its work. One part that fails does not keep the others from being done: it is told at ERROR and is one of the
    /// failures of the outcome.
    ///
    /// # Errors
    /// When nothing could be done, and on interrupt.
    fn run(&self, call: &Call<'_>) -> Result<Outcome, ExtensionError>;

    /// What its work would come to, a line each, for whoever asks before it is done. Nothing is changed.
    ///
    /// # Errors
    /// When that cannot be said, and on interrupt.
    fn preview(&self, _call: &Call<'_>) -> Result<Vec<String>, ExtensionError> {
        Ok(Vec::new())
    }
}

/// What an extension gets to know when it runs.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The file it came from, with the extension's own section.
    pub document: &'a Document,
    /// Whether a full backup was asked for, whatever day it is.
    pub full: bool,
    /// How many threads compress.
    pub threads: usize,
    /// For sources: whether what earlier runs put into the collect directory has been picked up. What has not must not be
    /// replaced by less.
    pub is_picked_up: bool,
    /// Whose the outputs shall be.
    pub ownership: &'a Ownership,
    /// The outside world.
    pub system: &'a System,
}

/// Why an extension did nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtensionError {
    /// A section that it needs is not there.
    #[error("{0} configuration is not properly filled in.")]
    NotConfigured(&'static str),
    /// It could not do its work at all.
    #[error("{0}")]
    Failed(String),
    /// The run was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// The program to run for a name: what the last `override` for it says, else the name itself.
pub fn program(name: &str, options: &Options) -> String {
    overridden(name, options).unwrap_or_else(|| name.to_owned())
}

/// The path that the configuration wants in the place of a program.
pub(crate) fn overridden(name: &str, options: &Options) -> Option<String> {
    // The last of several wins, as with the original.
    let mut entries = options.overrides.iter().rev();
    let entry = entries.find(|entry| entry.command.as_ref().is_some_and(|command| **command == name))?;
    entry.abs_path.as_ref().map(|path| path.to_string_lossy().into_owned())
}

//! Bringing a repository back: from the dumps or bundles that make it up, by the program it belongs to.

mod bundles;
mod dumps;
mod find;
mod git;
mod mercurial;
mod place;
mod subversion;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;

use jiff::civil::Date;
use redcedar_archive::repository::snapshot::Kind;
use redcedar_system::command::{Command, CommandError};
use redcedar_system::{Interrupted, System, escape};
use serde::Serialize;

use self::find::Found;
use self::place::Place;
use crate::peer::{self, PeerError};
use crate::source::Source;

pub(crate) use self::find::names;
pub(crate) use self::verify::{Chains, prove};

/// What to bring back, and where to.
#[derive(Debug, Clone)]
pub struct RepositoryRequest {
    /// The machine; may be left out where there is only one.
    pub peer: Option<OsString>,
    /// The repository, by its path or its normalised path.
    pub repository: OsString,
    /// The day whose state is wanted; the newest if there is none.
    pub as_of: Option<Date>,
    /// Where it comes back. Must be an empty directory, or not be there.
    pub target: PathBuf,
    /// Only finds out what would be read.
    pub dry_run: bool,
}

/// What was brought back.
#[derive(Debug, Clone, Serialize)]
pub struct RepositoryReport {
    /// The machine.
    pub peer: String,
    /// The repository: its path where that is known, else its normalised path.
    pub repository: String,
    /// `subversion`, `git` or `mercurial`.
    pub kind: &'static str,
    /// What it has, for people.
    pub content: String,
    /// The files that were read, oldest first, with their days.
    pub files: Vec<(Date, String)>,
    /// Bytes of these files.
    pub bytes: u64,
}

/// Why a repository was not brought back. Nothing of it is left then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// It is not clear whose backups are meant.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// There is no such repository up to the day.
    #[error("there is no repository {wanted}{}; there are {}", up_to(*.as_of), listed(.known))]
    Unknown {
        /// What was asked for.
        wanted: String,
        /// The day.
        as_of: Option<Date>,
        /// What there is.
        known: Vec<String>,
    },
    /// There are several by the name.
    #[error("{wanted} is the name of several repositories; choose one of {}", .candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// What it can be.
        candidates: Vec<String>,
    },
    /// Something that is needed is missing.
    #[error("{0}")]
    Gap(String),
    /// There is something in its place.
    #[error("{} is there already and is no empty directory", escape::display(.target))]
    Occupied {
        /// The place.
        target: PathBuf,
    },
    /// It cannot be read or written.
    #[error("{intent}: {source}")]
    Io {
        /// What was to be done.
        intent: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{file} is damaged: {reason}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A program failed.
    #[error("{0}")]
    Program(String),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

fn up_to(day: Option<Date>) -> String {
    day.map(|day| format!(" up to {day}")).unwrap_or_default()
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl From<CommandError> for RepositoryError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Interrupted(interrupted) => Self::Interrupted(interrupted),
            error => Self::Program(error.to_string()),
        }
    }
}

impl RepositoryError {
    fn io(intent: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        |source| Self::Io { intent: intent.into(), source }
    }
}

/// Brings a repository back. It appears in its place when it is complete and has been checked.
///
/// # Errors
/// When that cannot be done; then nothing is left of it.
pub fn restore_repository(
    source: &Source,
    request: &RepositoryRequest,
    system: &System,
) -> Result<RepositoryReport, RepositoryError> {
    let peer = peer::choose(source, request.peer.as_deref())?;
    let found = find::find(source, &peer, &request.repository, request.as_of)?;
    let report = found.report(&peer);
    if request.dry_run {
        return Ok(report);
    }
    let place = Place::prepare(&request.target)?;
    system.monitor.task(&format!("Restoring {}", report.repository));
    match &found {
        Found::Subversion { chain, .. } => subversion::load(chain, &place, system)?,
        Found::Bundles { chain } => {
            let load = match chain.newest().header.kind {
                Kind::Git => git::load,
                Kind::Mercurial => mercurial::load,
            };
            load(chain, &place, system)?;
        }
    }
    place.publish()?;
    Ok(report)
}

/// Runs a program, which must succeed, and returns what it prints.
fn run(command: &Command, system: &System) -> Result<Vec<u8>, RepositoryError> {
    let mut output = Vec::new();
    let finished = system.runner.stream(command, &mut output)?;
    if finished.success() {
        Ok(output)
    } else {
        Err(RepositoryError::Program(finished.explain(&command.program.to_string_lossy())))
    }
}

//! Restoring for practice: into a scratch directory, compared with what was stored, and measured. Nothing of it is left.

mod choose;
mod compare;
mod database;
mod files;
mod others;
mod scratch;
mod server;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::{Date, Weekday};
use redcedar_system::clock::Stopwatch;
use redcedar_system::{Interrupted, System, escape};

pub use self::choose::{Choice, Chosen, Subject};
pub use self::scratch::ScratchError;

use self::scratch::Scratch;
use crate::peer::PeerError;
use crate::source::Source;

/// What to drill.
#[derive(Debug, Clone)]
pub struct DrillRequest {
    /// Only this machine.
    pub peer: Option<OsString>,
    /// What of it.
    pub choice: Choice,
    /// The day whose state is wanted; the newest if there is none.
    pub as_of: Option<Date>,
    /// Where scratch directories are made; else among the temporary files.
    pub scratch: Option<PathBuf>,
    /// The day of the week on which the originals store everything, where it is known.
    pub starting_day: Option<Weekday>,
}

/// What came of a drill.
#[derive(Debug, Clone, Default)]
pub struct DrillReport {
    /// In the order in which they were drilled.
    pub drilled: Vec<Drilled>,
    /// How much there is that was not chosen.
    pub others: u64,
}

/// One thing that was to be restored.
#[derive(Debug, Clone)]
pub struct Drilled {
    /// The machine.
    pub peer: String,
    /// What it is.
    pub subject: Subject,
    /// What came of it.
    pub attempt: Attempt,
}

/// What came of restoring something.
#[derive(Debug, Clone)]
pub enum Attempt {
    /// It was restored, well or not.
    Tried(Tried),
    /// It could not be tried here, and why.
    NotDrilled(String),
}

/// What was restored.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    /// The day it is of.
    pub day: Option<Date>,
    /// What it was, in words: how many objects, tables, revisions.
    pub content: String,
    /// Bytes that were written, or read where only a program knows how many it wrote.
    pub bytes: u64,
    /// How long restoring took, comparing left out.
    pub took: Duration,
    /// What is not as it was stored.
    pub differences: Vec<String>,
    /// What else has to be known.
    pub remarks: Vec<String>,
}

/// Why nothing was drilled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DrillError {
    /// It is not clear whose backups are meant.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// There is nothing to restore.
    #[error("there is nothing to restore{}", .as_of.map(|day| format!(" up to {day}")).unwrap_or_default())]
    Nothing {
        /// The day.
        as_of: Option<Date>,
    },
    /// Nothing is small enough.
    #[error("nothing was chosen: the smallest of all takes {smallest} bytes, the limit is {limit}")]
    TooLarge {
        /// How large the smallest is.
        smallest: u64,
        /// How large all together may be.
        limit: u64,
    },
    /// There is no scratch directory.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Drilled {
    /// Whether it was restored and is what it was.
    pub fn is_good(&self) -> bool {
        matches!(&self.attempt, Attempt::Tried(tried) if tried.differences.is_empty())
    }

    /// Whether it was restored and is not what it was.
    pub fn differs(&self) -> bool {
        matches!(&self.attempt, Attempt::Tried(tried) if !tried.differences.is_empty())
    }
}

impl DrillReport {
    fn tried(&self) -> impl Iterator<Item = &Tried> {
        self.drilled.iter().filter_map(|drilled| match &drilled.attempt {
            Attempt::Tried(tried) => Some(tried),
            Attempt::NotDrilled(_) => None,
        })
    }

    /// How long it took to restore everything.
    pub fn took(&self) -> Duration {
        self.tried().map(|tried| tried.took).sum()
    }

    /// How much that was.
    pub fn bytes(&self) -> u64 {
        self.tried().map(|tried| tried.bytes).sum()
    }

    /// The oldest day of all that came back as it was: what was changed since is lost for somebody. Nothing, if something did
    /// not come back.
    pub fn oldest(&self) -> Option<Date> {
        let days = || self.drilled.iter().filter(|drilled| drilled.is_good());
        let is_whole = !self.drilled.iter().any(Drilled::differs);
        let day = |drilled: &Drilled| match &drilled.attempt {
            Attempt::Tried(tried) => tried.day,
            Attempt::NotDrilled(_) => None,
        };
        days().filter_map(day).min().filter(|_| is_whole)
    }
}

/// Says what would be drilled, and how much there is besides.
///
/// # Errors
/// When there is nothing to drill.
pub fn choose(
    source: &Source,
    request: &DrillRequest,
    system: &System,
) -> Result<(Vec<Chosen>, u64), DrillError> {
    choose::choose(source, request, system.clock.now().date())
}

/// Restores what was chosen, one after the other, compares it with what was stored, and removes it.
///
/// # Errors
/// When there is nothing to drill, no place for it, or when interrupted.
pub fn drill(source: &Source, request: &DrillRequest, system: &System) -> Result<DrillReport, DrillError> {
    let (chosen, others) = choose(source, request, system)?;
    let mut report = DrillReport { others, ..DrillReport::default() };
    for Chosen { peer, subject, .. } in chosen {
        system.interrupt.check()?;
        system.monitor.task(&format!("Drilling {subject} of {}", escape::display(&peer)));
        let scratch = Scratch::new(request.scratch.as_deref())?;
        let attempt = Drill { source, peer: &peer, request, scratch: &scratch, system }.try_out(&subject)?;
        scratch.close()?;
        report.drilled.push(Drilled { peer: escape::display(&peer).to_string(), subject, attempt });
    }
    Ok(report)
}

/// One attempt.
struct Drill<'a> {
    source: &'a Source,
    peer: &'a OsStr,
    request: &'a DrillRequest,
    scratch: &'a Scratch,
    system: &'a System,
}

impl Drill<'_> {
    fn try_out(&self, subject: &Subject) -> Result<Attempt, Interrupted> {
        match subject {
            Subject::Item(item) => self.files(Some(item), &[]),
            Subject::Paths(paths) => self.files(None, paths),
            Subject::Database(wanted) => self.database(wanted),
            Subject::Repository(repository) => self.repository(repository),
            Subject::Sqlite(database) => self.sqlite(database),
            Subject::Mailbox(mailbox) => self.mailbox(mailbox),
        }
    }
}

/// What could not be restored at all.
fn failed(reason: String, watch: Stopwatch) -> Attempt {
    Attempt::Tried(Tried { took: watch.elapsed(), differences: vec![reason], ..Tried::default() })
}

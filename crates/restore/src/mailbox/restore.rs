//! A mailbox, or a directory of them, back from its pieces.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use jiff::civil::{Date, Weekday};
use redcedar_system::fs::{Directory, PendingFile};
use redcedar_system::{Interrupt, Interrupted, Monitor, escape};

use super::content::{Content, ReadError, each_member};
use super::find::{FindError, Found, find};
use super::merge::Merged;
use crate::peer::{self, PeerError};
use crate::source::Source;

/// What to bring back, and where to.
#[derive(Debug, Clone)]
pub struct Request {
    /// The machine; may be left out where there is only one.
    pub peer: Option<OsString>,
    /// A configured path, a mailbox in a configured directory, or a normalised name.
    pub wanted: OsString,
    /// The day whose state is wanted; the newest if there is none.
    pub as_of: Option<Date>,
    /// The file to write; the directory, if it is a directory of mailboxes.
    pub target: PathBuf,
    /// Whether files that are there already are replaced.
    pub overwrite: bool,
    /// The day of the week on which everything is stored, where it is known.
    pub starting_day: Option<Weekday>,
    /// Only finds out which pieces there are.
    pub dry_run: bool,
}

/// What was brought back.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The machine.
    pub peer: String,
    /// The normalised name.
    pub name: String,
    /// The days whose pieces were used, oldest first.
    pub days: Vec<Date>,
    /// The mailboxes, by name.
    pub mailboxes: Vec<Restored>,
    /// What was not brought back, or not in whole.
    pub failures: Vec<String>,
    /// What else has to be known.
    pub warnings: Vec<String>,
}

/// One mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Where it is.
    pub path: PathBuf,
    /// How many messages it has.
    pub messages: u64,
    /// How many were left out, because they are there already.
    pub duplicates: u64,
    /// How many bytes it has.
    pub bytes: u64,
}

/// Why nothing was brought back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// It is not clear whose backups are meant.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// There is no such mail.
    #[error(transparent)]
    Find(#[from] FindError),
    /// The target is there already.
    #[error("{} is there already", escape::display(.path))]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// The target cannot be written.
    #[error("cannot restore to {}: {source}", escape::display(.path))]
    Target {
        /// The target.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A mailbox was asked for that is in none of the pieces.
    #[error("there is no mailbox {mailbox} in the copies of {name}")]
    NoMailbox {
        /// What was asked for.
        mailbox: String,
        /// The directory.
        name: String,
    },
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Puts a mailbox, or all of a directory, together from its pieces: oldest first, each message once.
///
/// # Errors
/// When nothing could be done. What was done only in part is in the report.
pub fn restore(
    source: &Source,
    request: &Request,
    monitor: &dyn Monitor,
    interrupt: &Interrupt,
) -> Result<Report, MailError> {
    let peer = peer::choose(source, request.peer.as_deref())?;
    let found = find(source, &peer, &request.wanted, request.as_of, request.starting_day)?;
    let mut report = Report {
        peer: escape::display(&peer).to_string(),
        name: escape::display(&found.name).to_string(),
        days: found.pieces.iter().map(|(piece, _)| piece.date).collect(),
        warnings: caveat(&found, request.starting_day).into_iter().collect(),
        ..Report::default()
    };
    report.days.dedup();
    if request.dry_run {
        return Ok(report);
    }
    check_target(request)?;
    monitor.task(&format!("Restoring mail of {}", report.name));
    let only = found.only.as_deref();
    let mut work = Work { request, only, merged: BTreeMap::new(), interrupt };
    for (name, file) in &found.pieces {
        let added = Content::open(file, name).map_err(ReadError::from).and_then(|content| work.add(content));
        match added {
            Ok(()) => {}
            Err(ReadError::Interrupted(interrupted)) => return Err(interrupted.into()),
            Err(error) => {
                let file = escape::display(file.path().file_name().unwrap_or_default()).to_string();
                report.failures.push(format!("{file}: {error}"));
            }
        }
    }
    if let (Some(only), true, true) = (only, work.merged.is_empty(), report.failures.is_empty()) {
        return Err(MailError::NoMailbox { mailbox: escape::display(only).to_string(), name: report.name });
    }
    report.mailboxes = work.publish()?;
    Ok(report)
}

/// Why there may be more than there was.
fn caveat(found: &Found, starting_day: Option<Weekday>) -> Option<String> {
    let [(first, _), _, ..] = found.pieces.as_slice() else { return None };
    let first = first.date;
    let whole = match starting_day {
        Some(day) if first.weekday() == day => String::new(),
        _ => "nothing says which copy is complete, so that all are used; ".to_owned(),
    };
    Some(format!("{whole}messages that were deleted since {first} are there again"))
}

/// Nothing that is there already is replaced unless that was asked for.
fn check_target(request: &Request) -> Result<(), MailError> {
    let path = &request.target;
    let is_free = match fs_err::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_dir() => {
            fs_err::read_dir(path).map(|mut entries| entries.next().is_none())
        }
        Ok(_) => Ok(false),
    };
    match is_free {
        Err(source) => Err(MailError::Target { path: path.clone(), source }),
        Ok(is_free) if is_free || request.overwrite => Ok(()),
        Ok(_) => Err(MailError::Exists { path: path.clone() }),
    }
}

/// Mailboxes that are being put together.
struct Work<'a> {
    request: &'a Request,
    only: Option<&'a OsStr>,
    /// By their names in the archives; one without a name where there are none.
    merged: BTreeMap<OsString, Merged>,
    interrupt: &'a Interrupt,
}

impl Work<'_> {
    fn add(&mut self, content: Content) -> Result<(), ReadError> {
        let interrupt = self.interrupt;
        match content {
            Content::Mailbox(reader) => self.merged(OsStr::new(""))?.add(reader, interrupt),
            Content::Archive(members) => each_member(members, interrupt, |name, content| {
                let name = OsStr::from_bytes(name);
                if self.only.is_some_and(|only| only != name) {
                    return Ok(());
                }
                self.merged(name)?.add(content, interrupt)
            }),
        }
    }

    fn merged(&mut self, name: &OsStr) -> Result<&mut Merged, ReadError> {
        if !self.merged.contains_key(name) {
            self.merged.insert(name.to_owned(), Merged::new(self.create(name)?));
        }
        Ok(self.merged.get_mut(name).expect("it is there now"))
    }

    /// Begins the file of a mailbox. The names in an archive need not be harmless.
    fn create(&self, name: &OsStr) -> Result<PendingFile, ReadError> {
        let target = &self.request.target;
        if name.is_empty() || self.only.is_some() {
            return Ok(PendingFile::create(target)?);
        }
        if matches!(name.as_bytes(), b"." | b"..") || name.as_bytes().contains(&b'/') {
            return Err(ReadError::Damaged(format!("{} is no name of a mailbox", escape::display(name))));
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(target)?;
        Ok(Directory::open(target)?.create_file(name)?)
    }

    fn publish(self) -> Result<Vec<Restored>, MailError> {
        let publish = |merged: Merged| {
            let path = merged.path().to_owned();
            let Merged { messages, duplicates, bytes, .. } = merged;
            match merged.publish() {
                Ok(()) => Ok(Restored { path, messages, duplicates, bytes }),
                Err(source) => Err(MailError::Target { path, source }),
            }
        };
        self.merged.into_values().map(publish).collect()
    }
}

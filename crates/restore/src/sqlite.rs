//! Bringing the copy of a SQLite database back.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_archive::naming;
use redcedar_archive::repository::sqlite::{self, DatabaseError};
use redcedar_system::fs::PendingFile;
use redcedar_system::{Interrupt, Interrupted, escape};
use serde::Serialize;

use crate::peer::{self, PeerError};
use crate::source::{Source, StoredFile};

/// Databases hold what is nobody else's business.
const MODE: u32 = 0o600;

/// What to bring back, and where to.
#[derive(Debug, Clone)]
pub struct SqliteRequest {
    /// The machine; may be left out where there is only one.
    pub peer: Option<OsString>,
    /// The database, by its path or its normalised path.
    pub database: OsString,
    /// The day whose state is wanted; the newest if there is none.
    pub as_of: Option<Date>,
    /// The file it comes back as, which must not be there.
    pub target: PathBuf,
    /// Only finds out what would be read.
    pub dry_run: bool,
}

/// What was brought back.
#[derive(Debug, Clone, Serialize)]
pub struct SqliteReport {
    /// The machine.
    pub peer: String,
    /// The normalised path of the database.
    pub database: String,
    /// The day of the copy.
    pub date: Date,
    /// The file that was read.
    pub file: String,
    /// Bytes of the database.
    pub bytes: u64,
}

/// Why a database was not brought back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteError {
    /// It is not clear whose backups are meant.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// There is no such database up to the day.
    #[error("there is no copy of {wanted}; there are {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") })]
    Unknown {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: Vec<String>,
    },
    /// There is something in its place.
    #[error("{} is there already", escape::display(.0))]
    Occupied(PathBuf),
    /// The copy is not what it should be.
    #[error("{file} is damaged: {reason}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        reason: DatabaseError,
    },
    /// The database cannot be written.
    #[error("cannot write {}: {source}", escape::display(.target))]
    Write {
        /// Where to.
        target: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Brings a database back.
///
/// # Errors
/// When that cannot be done; then nothing is left of it.
pub fn restore_sqlite(
    source: &Source,
    request: &SqliteRequest,
    interrupt: &Interrupt,
) -> Result<SqliteReport, SqliteError> {
    let peer = peer::choose(source, request.peer.as_deref())?;
    let (database, date, file) = find(source, &peer, request)?;
    if fs_err::symlink_metadata(&request.target).is_ok() {
        return Err(SqliteError::Occupied(request.target.clone()));
    }
    let name = escape::display(file.path().file_name().unwrap_or_default()).to_string();
    let bytes = if request.dry_run { file.size() } else { copy(&file, &request.target, interrupt)? };
    let (peer, database) = (escape::display(&peer).to_string(), escape::display(&database).to_string());
    Ok(SqliteReport { peer, database, date, file: name, bytes })
}

/// The newest copy.
fn find(
    source: &Source,
    peer: &OsStr,
    request: &SqliteRequest,
) -> Result<(OsString, Date, StoredFile), SqliteError> {
    let copies: Vec<_> = copies(source, peer, request.as_of).collect();
    let newest = |name: OsString| copies.iter().find(|(database, ..)| *database == name);
    if let Some(copy) = naming::names(&request.database).into_iter().find_map(newest) {
        return Ok(copy.clone());
    }
    let mut known: Vec<_> = copies.iter().map(|(name, ..)| escape::display(name).to_string()).collect();
    known.sort();
    known.dedup();
    Err(SqliteError::Unknown { wanted: escape::display(&request.database).to_string(), known })
}

/// All copies of databases, the newest first.
pub(crate) fn copies(
    source: &Source,
    peer: &OsStr,
    as_of: Option<Date>,
) -> impl Iterator<Item = (OsString, Date, StoredFile)> {
    let days = source.days().iter().filter(move |day| as_of.is_none_or(|as_of| day.date <= as_of));
    days.rev().flat_map(move |day| {
        let peers = day.peers.iter().filter(move |present| present.name == peer);
        peers.flat_map(|peer| &peer.others).filter_map(|(file, _)| {
            let (database, _) = sqlite::parse(file.path().file_name()?)?;
            Some((database, day.date, file.clone()))
        })
    })
}

/// Copies the database, and proves that it is whole before it gets its name.
fn copy(file: &StoredFile, target: &Path, interrupt: &Interrupt) -> Result<u64, SqliteError> {
    let cannot_write = |source| SqliteError::Write { target: target.to_owned(), source };
    let mut pending = PendingFile::create(target).map_err(cannot_write)?;
    let mut tee = Tee {
        stream: file.unpacked().map_err(|error| damaged(file, error.into()))?,
        copy: &mut pending,
        bytes: 0,
        interrupt,
        failure: None,
    };
    let checked = sqlite::check(&mut tee);
    let bytes = tee.bytes;
    match tee.failure {
        Some(Failure::Interrupted(interrupted)) => return Err(interrupted.into()),
        Some(Failure::Write(error)) => return Err(cannot_write(error)),
        None => checked.map_err(|error| damaged(file, error))?,
    }
    pending.publish(MODE, None).map_err(cannot_write)?;
    Ok(bytes)
}

/// Reads a copy to its end.
///
/// # Errors
/// With what is wrong with it.
pub(crate) fn prove(file: &StoredFile) -> Result<(), DatabaseError> {
    sqlite::check(&mut file.unpacked()?)
}

fn damaged(file: &StoredFile, reason: DatabaseError) -> SqliteError {
    SqliteError::Damaged { file: escape::display(file.path()).to_string(), reason }
}

/// A stream that is copied while it is read.
struct Tee<'a> {
    stream: Box<dyn Read + Send>,
    copy: &'a mut PendingFile,
    bytes: u64,
    interrupt: &'a Interrupt,
    failure: Option<Failure>,
}

enum Failure {
    Interrupted(Interrupted),
    Write(io::Error),
}

impl Read for Tee<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Err(interrupted) = self.interrupt.check() {
            self.failure = Some(Failure::Interrupted(interrupted));
            return Err(io::ErrorKind::Other.into());
        }
        let read = self.stream.read(buffer)?;
        if let Err(error) = self.copy.write_all(&buffer[..read]) {
            self.failure = Some(Failure::Write(error));
            return Err(io::ErrorKind::Other.into());
        }
        self.bytes += read as u64;
        Ok(read)
    }
}

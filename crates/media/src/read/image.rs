//! A disc, or a file that is an image of one.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bstr::ByteSlice;
use jiff::Timestamp;
use jiff::civil::DateTime;
use redcedar_system::command::{Command, CommandError, Finished};
use redcedar_system::{Runner, escape};
use rustix::fs::OFlags;

use super::BLOCK;
use super::content::{Content, Extent};
use super::damage::{self, Bad, Checked, Fault};
use super::listing::{self, Kind};
use super::sessions::{self, Session};

/// How long a drive may take to tell what is on a disc.
const PATIENCE: Duration = Duration::from_mins(15);
/// In which block of a session its descriptor is, and the bytes it has.
const DESCRIPTOR: (u64, usize) = (16, 2048);
/// The major number of optical drives.
const OPTICAL: u32 = 11;

/// What is asked of each file.
const LISTING: [&str; 10] = ["-find", "/", "-exec", "lsdl", "--", "-find", "/", "-exec", "report_lba", "--"];

/// Why a disc cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It cannot be opened.
    #[error("cannot open {}: {source}", escape::display(.path))]
    Open {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is neither a file nor a drive.
    #[error("{} is neither an image nor a drive", escape::display(.0))]
    NoMedium(PathBuf),
    /// Nothing was ever written to it.
    #[error("the disc in {} is blank", escape::display(.0))]
    Blank(PathBuf),
    /// There is no tree of files.
    #[error("{} is no disc of backups: {reason}", escape::display(.path))]
    Foreign {
        /// Which one.
        path: PathBuf,
        /// What `xorriso` said.
        reason: String,
    },
    /// A session that is not there.
    #[error("{} has no session {number}; it has {}", escape::display(.path), listed(.sessions))]
    NoSession {
        /// Which one.
        path: PathBuf,
        /// What was asked for.
        number: u32,
        /// What there is.
        sessions: Vec<Session>,
    },
    /// The program that knows discs is not there.
    #[error("discs are read with xorriso, which cannot be started: {0}")]
    NoTool(String),
    /// How the program ended is not known.
    #[error(transparent)]
    Lost(#[from] CommandError),
}

fn listed(sessions: &[Session]) -> String {
    let sessions: Vec<_> = sessions.iter().map(ToString::to_string).collect();
    sessions.join(", ")
}

/// Something on a disc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// How many bytes a file has.
    pub size: u64,
    /// When it was written last, as exactly as `ls` shows it.
    pub modified: Timestamp,
    extents: Vec<Extent>,
}

impl Node {
    /// Where on the medium its content begins; none when it has none.
    pub fn first_byte(&self) -> Option<u64> {
        self.extents.first().map(|extent| extent.start)
    }
}

/// The files of a disc, as of one of its sessions.
#[derive(Debug, Clone)]
pub struct Image {
    path: PathBuf,
    medium: Arc<File>,
    session: Option<Session>,
    sessions: Vec<Session>,
    nodes: BTreeMap<PathBuf, Node>,
    /// How the session describes itself, by which a disc is told from others.
    descriptor: Vec<u8>,
}

/// What a check of all blocks of a disc found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// How many blocks were read.
    pub blocks: u64,
    /// Whether the disc has digests of itself.
    pub has_digests: bool,
    /// What is not as it was written.
    pub bad: Vec<Bad>,
    /// The files with content in blocks that cannot be read, or with content that is not what was written.
    pub files: Vec<PathBuf>,
}

impl Image {
    /// Looks at the disc in the drive, or the image, `path`, as of its last session or of an earlier one. `now` tells the year
    /// of times that have none.
    ///
    /// # Errors
    /// When it cannot be read, is blank or no disc with files, or has no such session.
    pub fn open(
        path: &Path,
        session: Option<u32>,
        now: DateTime,
        runner: &dyn Runner,
    ) -> Result<Self, ReadError> {
        let path =
            fs_err::canonicalize(path).map_err(|source| ReadError::Open { path: path.to_owned(), source })?;
        let medium = open_medium(&path)?;
        let mut image = Self {
            path,
            medium: Arc::new(medium),
            session: None,
            sessions: Vec::new(),
            nodes: BTreeMap::new(),
            descriptor: Vec::new(),
        };
        if let Some(number) = session {
            // A session that is not there ends the program before it says which there are.
            image.ask(runner, &[])?;
            let found = image.sessions.iter().find(|session| session.number == number).cloned();
            let Some(found) = found else {
                let Self { path, sessions, .. } = image;
                return Err(ReadError::NoSession { path, number, sessions });
            };
            image.session = Some(found);
        }
        let printed = image.ask(runner, &LISTING)?;
        image.nodes = nodes(&printed, now);
        let path = || image.path.clone();
        image.descriptor =
            image.describe(&image.medium).map_err(|source| ReadError::Open { path: path(), source })?;
        Ok(image)
    }

    /// The descriptor of the session on a medium.
    fn describe(&self, medium: &File) -> io::Result<Vec<u8>> {
        let first = self.session.as_ref().map_or(0, |session| session.first_block);
        let mut descriptor = vec![0; DESCRIPTOR.1];
        let read =
            medium.read_at(&mut descriptor, first.saturating_add(DESCRIPTOR.0).saturating_mul(BLOCK))?;
        descriptor.truncate(read);
        Ok(descriptor)
    }

    /// Whether it is an optical drive, in which there may be another disc by now.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn is_in_drive(&self) -> io::Result<bool> {
        let metadata = self.medium.metadata()?;
        Ok(metadata.file_type().is_block_device() && rustix::fs::major(metadata.rdev()) == OPTICAL)
    }

    /// Looks whether it is this disc that is in the drive now. From then on it is read through the drive as it is now.
    ///
    /// # Errors
    /// When the drive cannot be read, as when it is empty.
    pub fn look_again(&mut self) -> io::Result<bool> {
        let medium = open_medium(&self.path).map_err(io::Error::other)?;
        let is_here = self.describe(&medium)? == self.descriptor;
        if is_here {
            self.medium = Arc::new(medium);
        }
        Ok(is_here)
    }

    /// Asks which sessions there are, and more. The last one counts unless another is chosen already.
    fn ask(&mut self, runner: &dyn Runner, more: &[&str]) -> Result<Vec<u8>, ReadError> {
        let command = self.load(xorriso())?.arg("-toc").args(more.iter().copied()).time_limit(Some(PATIENCE));
        let mut printed = Vec::new();
        let finished = runner.stream(&command, &mut printed)?;
        let contents = sessions::contents(&printed);
        if contents.is_blank {
            return Err(ReadError::Blank(self.path.clone()));
        }
        self.sessions = contents.sessions;
        if self.sessions.is_empty() || !finished.success() {
            return Err(self.refusal(&finished));
        }
        if self.session.is_none() && !more.is_empty() {
            self.session = self.sessions.last().cloned();
        }
        Ok(printed)
    }

    /// Lets `xorriso` look at the session that was chosen.
    fn load(&self, mut command: Command) -> Result<Command, ReadError> {
        if let Some(session) = &self.session {
            command = command.args(["-load", "session"]).arg(session.number.to_string());
        }
        Ok(command.arg("-indev").arg(self.address()?))
    }

    /// What `xorriso` calls it: only real drives go without a prefix.
    fn address(&self) -> Result<OsString, ReadError> {
        let metadata =
            self.medium.metadata().map_err(|source| ReadError::Open { path: self.path.clone(), source })?;
        if metadata.file_type().is_block_device() && rustix::fs::major(metadata.rdev()) == OPTICAL {
            return Ok(self.path.clone().into());
        }
        let mut address = OsString::from("stdio:");
        address.push(&self.path);
        Ok(address)
    }

    /// Why it is no disc that can be read.
    fn refusal(&self, finished: &Finished) -> ReadError {
        if finished.is_missing() {
            return ReadError::NoTool(finished.tail.join("; "));
        }
        let nothing = || "there is no ISO 9660 file system on it".to_owned();
        let reason = if finished.success() { nothing() } else { complaint(finished).unwrap_or_else(nothing) };
        ReadError::Foreign { path: self.path.clone(), reason }
    }

    /// The drive or the image.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The session whose files these are.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// All sessions, oldest first.
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// What there is, by absolute path.
    pub fn nodes(&self) -> &BTreeMap<PathBuf, Node> {
        &self.nodes
    }

    /// What is directly in a directory, by name.
    pub fn entries(&self, directory: &Path) -> impl Iterator<Item = (&OsStr, &Node)> {
        let below = self.nodes.range(directory.to_owned()..).skip(1);
        let depth = directory.components().count();
        below
            .take_while(move |(path, _)| path.starts_with(directory))
            .filter(move |(path, _)| path.components().count() == depth + 1)
            .filter_map(|(path, node)| Some((path.file_name()?, node)))
    }

    /// Opens a regular file.
    ///
    /// # Errors
    /// When there is none with this path.
    pub fn file(&self, path: &Path) -> io::Result<Content> {
        match self.nodes.get(path) {
            Some(Node { kind: Kind::File, size, extents, .. }) => Ok(Content {
                medium: Arc::clone(&self.medium),
                path: path.to_owned(),
                extents: extents.clone(),
                size: *size,
            }),
            Some(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Reads all blocks of the disc, and compares them with the digests that are on it, if there are any.
    ///
    /// # Errors
    /// When that could not be done. What is damaged is no error.
    pub fn check(&self, runner: &dyn Runner) -> Result<Check, ReadError> {
        let printed = self.run(runner, &["-check_media", "--"])?;
        let found = damage::checked(&printed);
        let unreadable = found.bad.iter().filter(|bad| bad.fault == Fault::Unreadable);
        let mut files: BTreeSet<_> = unreadable.flat_map(|bad| self.files_in(bad)).collect();
        if found.bad.iter().any(|bad| bad.fault == Fault::Mismatch) {
            let printed = self.run(runner, &["-check_md5_r", "NOTE", "/", "--"])?;
            files.extend(damage::mismatches(&printed));
        }
        let Checked { blocks, bad, has_digests } = found;
        Ok(Check { blocks, has_digests, bad, files: files.into_iter().collect() })
    }

    fn run(&self, runner: &dyn Runner, what: &[&str]) -> Result<Vec<u8>, ReadError> {
        // A tree that was added by a program without digests is no reason not to look at the rest.
        let digests = xorriso().args(["-md5", "on", "-md5", "load_check_off"]);
        let mut printed = Vec::new();
        let finished = runner.stream(&self.load(digests)?.args(what.iter().copied()), &mut printed)?;
        if finished.success() { Ok(printed) } else { Err(self.refusal(&finished)) }
    }

    fn files_in(&self, bad: &Bad) -> impl Iterator<Item = PathBuf> {
        let (start, end) = (bad.blocks.start.saturating_mul(BLOCK), bad.blocks.end.saturating_mul(BLOCK));
        let is_hit =
            move |extent: &Extent| extent.start < end && extent.start.saturating_add(extent.length) > start;
        self.nodes
            .iter()
            .filter(move |(_, node)| node.extents.iter().any(is_hit))
            .map(|(path, _)| path.clone())
    }
}

fn xorriso() -> Command {
    // Names come with all that is not plain as octal numbers, so that a line is a file and a file a line.
    Command::new("xorriso").args(["-no_rc", "-backslash_codes", "encode_output"])
}

/// Opens what may be read as a disc; pipes and the like could block.
fn open_medium(path: &Path) -> Result<File, ReadError> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let opened = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path);
    let error = |source| ReadError::Open { path: path.to_owned(), source };
    let file = opened.map_err(error)?;
    let kind = file.metadata().map_err(error)?.file_type();
    if kind.is_file() || kind.is_block_device() {
        Ok(file)
    } else {
        Err(ReadError::NoMedium(path.to_owned()))
    }
}

/// The line that says why it failed; the last only says that it did.
fn complaint(finished: &Finished) -> Option<String> {
    let is_complaint =
        |line: &&String| [" FAILURE :", " FATAL :", " SORRY :"].iter().any(|word| line.contains(word));
    let line = finished.tail.iter().find(is_complaint).or(finished.tail.last())?;
    Some(escape::display(line.trim()).to_string())
}

fn nodes(printed: &[u8], now: DateTime) -> BTreeMap<PathBuf, Node> {
    let mut nodes = BTreeMap::new();
    let mut pieces: BTreeMap<PathBuf, Vec<listing::Piece>> = BTreeMap::new();
    for text in printed.lines() {
        if let Some(piece) = listing::piece(text) {
            pieces.entry(piece.path.clone()).or_default().push(piece);
        } else if let Some(line) = listing::line(text, now) {
            let node =
                Node { kind: line.kind, size: line.size, modified: line.modified, extents: Vec::new() };
            nodes.insert(line.path, node);
        }
    }
    for (path, mut pieces) in pieces {
        let Some(node) = nodes.get_mut(&path).filter(|node| node.kind == Kind::File) else { continue };
        pieces.sort_by_key(|piece| piece.number);
        node.extents = extents(&pieces, node.size);
    }
    nodes
}

/// Where the bytes of a file are: its pieces one after the other, the last one cut to its size.
fn extents(pieces: &[listing::Piece], size: u64) -> Vec<Extent> {
    let mut left = size;
    let mut extents = Vec::new();
    for piece in pieces {
        let length = piece.blocks.saturating_mul(BLOCK).min(left);
        let Some(start) = piece.first_block.checked_mul(BLOCK) else { break };
        extents.push(Extent { start, length });
        left -= length;
    }
    extents
}

//! Doing the steps of a plan, on all cores.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use redcedar_archive::manifest::{Entry as Described, Flaw};
use redcedar_archive::writer::{AppendError, AttributeList, Attributes, Place, Source, link_target};
use redcedar_archive::{Kind, Metadata};
use redcedar_restore::Overwrite;
use redcedar_restore::writing::{Notes, ObjectError, ObjectWriter, Target, Walker, relative};
use redcedar_system::monitor::Progress;
use redcedar_system::{Accounts, System};
use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags, linkat, openat, statx};

use super::content::{MoveError, Moved, Mover};
use super::plan::{Known, Step};
use super::{CreateError, Outcome, Stored};
use crate::select::{Choice, Entry};

/// At least so many paths a thread takes at a time; it goes on to the next directory, so that no two work in one.
const SHARE: usize = 256;
/// But not further than this.
const LARGEST_SHARE: usize = 4096;

/// How long to wait before each further try to read a file that changed.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(10), Duration::from_millis(50), Duration::from_millis(250)];

/// What all threads work with.
pub(super) struct Work<'a> {
    pub(super) choice: &'a Choice,
    pub(super) steps: &'a [Step],
    pub(super) accounts: &'a Accounts,
    pub(super) system: &'a System,
    /// The tree that is written.
    pub(super) target: &'a Target,
    /// The tree that the plan was made with.
    pub(super) previous: Option<&'a Target>,
    /// Trees that nobody vouches for.
    pub(super) unverified: &'a [Target],
    pub(super) notes: &'a Notes,
    pub(super) is_root: bool,
    pub(super) done: Counters,
}

/// What was done so far.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) linked: AtomicU64,
    files: AtomicU64,
    pub(super) bytes: AtomicU64,
    can_clone: AtomicBool,
}

impl Work<'_> {
    /// Makes everything but directories' attributes. What had to be found out about paths comes back.
    pub(super) fn run(&self) -> Result<HashMap<usize, Outcome>, CreateError> {
        self.done.can_clone.store(true, Ordering::Relaxed);
        let entries: Vec<Entry<'_>> = self.choice.iter().collect();
        let shares = shares(&entries);
        let next = AtomicUsize::new(0);
        let outcomes = Mutex::new(HashMap::new());
        let work = || -> Result<(), CreateError> {
            let mut worker = Worker::new(self);
            while let Some(share) = shares.get(next.fetch_add(1, Ordering::Relaxed)) {
                for index in share.clone() {
                    self.system.interrupt.check()?;
                    worker.step(index, &entries[index])?;
                }
                self.tell(share.len(), entries[share.start].path);
            }
            outcomes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(worker.outcomes);
            Ok(())
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(shares.len());
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .fold(Ok(()), Result::and)
        })?;
        let mut worker = Worker::new(self);
        worker.outcomes = outcomes.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        worker.further_names(&entries)?;
        Ok(worker.outcomes)
    }

    fn tell(&self, files: usize, path: &Path) {
        let files = self.done.files.fetch_add(files as u64, Ordering::Relaxed) + files as u64;
        let bytes = self.done.bytes.load(Ordering::Relaxed);
        let total_files = Some(self.steps.len() as u64);
        self.system.monitor.progress(&Progress { files, bytes, total_files, total_bytes: None }, Some(path));
    }
}

/// Cuts the paths into shares, which end where a directory begins if they can.
fn shares(entries: &[Entry<'_>]) -> Vec<Range<usize>> {
    let mut shares = Vec::new();
    let mut start = 0;
    for (index, entry) in entries.iter().enumerate() {
        let length = index - start;
        if length >= SHARE && entry.metadata.kind == Kind::Directory || length >= LARGEST_SHARE {
            shares.push(start..index);
            start = index;
        }
    }
    if start < entries.len() {
        shares.push(start..entries.len());
    }
    shares
}

/// Does steps. One per thread.
struct Worker<'a> {
    work: &'a Work<'a>,
    writer: ObjectWriter<'a>,
    new: Walker<'a>,
    previous: Option<Walker<'a>>,
    unverified: Vec<Walker<'a>>,
    attributes: Attributes,
    mover: Mover<'a>,
    outcomes: HashMap<usize, Outcome>,
}

impl<'a> Worker<'a> {
    fn new(work: &'a Work<'a>) -> Self {
        Self {
            work,
            writer: ObjectWriter::new(work.target, work.notes, Overwrite::Always, true),
            new: Walker::new(work.target),
            previous: work.previous.map(Walker::new),
            unverified: work.unverified.iter().map(Walker::new).collect(),
            attributes: Attributes::new(),
            mover: Mover::new(&work.done.can_clone),
            outcomes: HashMap::new(),
        }
    }

    fn step(&mut self, index: usize, entry: &Entry<'_>) -> Result<(), CreateError> {
        let outcome = match &self.work.steps[index] {
            Step::Pass | Step::HardLink(_) => return Ok(()),
            Step::Directory => {
                let made = self.writer.directory(entry.path);
                return made.map_err(|error| fatal(entry.path, error));
            }
            Step::Link(_) if self.link(entry.path, entry.path)? => return Ok(()),
            Step::Compare(known)
                if self.is_unchanged(entry, known) && self.link(entry.path, entry.path)? =>
            {
                return Ok(());
            }
            Step::Moved(moved)
                if self.is_unchanged(entry, &moved.known) && self.link(&moved.from, entry.path)? =>
            {
                return Ok(());
            }
            Step::Link(_) | Step::Compare(_) | Step::Moved(_) | Step::Copy => self.copy(entry)?,
        };
        self.outcomes.insert(index, outcome);
        Ok(())
    }

    /// Further names of files, when all first ones are there.
    fn further_names(&mut self, entries: &[Entry<'_>]) -> Result<(), CreateError> {
        for (index, step) in self.work.steps.iter().enumerate() {
            let Step::HardLink(first) = step else { continue };
            self.work.system.interrupt.check()?;
            let entry = &entries[index];
            let is_there =
                !matches!(self.outcomes.get(first), Some(Outcome::Problem(..) | Outcome::Vanished));
            let described = Described::of(entry.path, entry.metadata, self.work.accounts);
            let linked =
                is_there && self.writer.hard_link(entry.path, &described, entries[*first].path).is_ok();
            if !linked {
                let outcome = self.copy(entry)?;
                self.outcomes.insert(index, outcome);
            }
        }
        Ok(())
    }

    /// Gives the file of the previous generation a name in this one; says whether that was possible. A file that has no name left
    /// to give, or that somebody removed, is copied.
    fn link(&mut self, from: &Path, path: &Path) -> Result<bool, CreateError> {
        let Some(previous) = &mut self.previous else { return Ok(false) };
        let (old_parent, old_name) = split(from);
        let Ok(old) = previous.find(old_parent) else { return Ok(false) };
        let (parent, name) = split(path);
        let new = self.new.enter(parent).map_err(|error| CreateError::store(path, error))?;
        match linkat(old, old_name, new, name, AtFlags::empty()) {
            Ok(()) => {
                self.work.done.linked.fetch_add(1, Ordering::Relaxed);
                Ok(true)
            }
            Err(error) => refused(path, error.into()).map(|()| false),
        }
    }

    /// Whether a file is what the previous manifest says, in content and attributes.
    fn is_unchanged(&mut self, entry: &Entry<'_>, known: &Known) -> bool {
        let Ok(source) = Source::open(entry.path, entry.metadata) else { return false };
        let Ok(attributes) = self.attributes.of(Place::Open(source.file())) else { return false };
        let Ok(moved) = self.mover.digest(&source) else { return false };
        attributes == known.attributes
            && moved.is_whole
            && known.sha256 == Some(moved.sha256)
            && source.ask_again().is_ok_and(|after| is_unchanged(&after, entry.metadata))
    }

    fn copy(&mut self, entry: &Entry<'_>) -> Result<Outcome, CreateError> {
        match entry.metadata.kind {
            Kind::File => self.copy_file(entry),
            _ => self.copy_special(entry),
        }
    }

    fn copy_special(&mut self, entry: &Entry<'_>) -> Result<Outcome, CreateError> {
        let mut described = Described::of(entry.path, entry.metadata, self.work.accounts);
        if entry.metadata.kind == Kind::Symlink {
            match link_target(entry.path) {
                Ok(target) => described.link = Some(target),
                Err(error) => return Ok(not_stored(&error)),
            }
        }
        let attributes = self.attributes.of(Place::Path(entry.path)).unwrap_or_default();
        match self.writer.special(entry.path, &described, &[]) {
            // The manifest has all there is to know about it.
            Ok(_) | Err(ObjectError::Device) => {}
            Err(error) => return problem(entry.path, error),
        }
        Ok(Outcome::Stored(Box::new(Stored {
            metadata: *entry.metadata,
            sha256: None,
            link: described.link,
            attributes,
            flaw: None,
            is_new: false,
        })))
    }

    /// Copies a file. One that changes meanwhile is copied again, a few times.
    fn copy_file(&mut self, entry: &Entry<'_>) -> Result<Outcome, CreateError> {
        let mut source = match Source::open(entry.path, entry.metadata) {
            Ok(source) => source,
            Err(error) => return Ok(not_stored(&error)),
        };
        let mut pauses = PAUSES.into_iter();
        loop {
            let attributes = match self.attributes.of(Place::Open(source.file())) {
                Ok(attributes) => attributes,
                Err(error) => return Ok(unreadable(&error)),
            };
            if let Some(sha256) = self.link_unverified(entry.path, &source, &attributes)? {
                let metadata = source.metadata;
                let stored = Stored {
                    metadata,
                    sha256: Some(sha256),
                    link: None,
                    attributes,
                    flaw: None,
                    is_new: false,
                };
                return Ok(Outcome::Stored(Box::new(stored)));
            }
            let moved = match self.write(entry.path, &source, &attributes) {
                Ok(moved) => moved,
                Err(Failed::Reading(error)) => return Ok(unreadable(&error)),
                Err(Failed::Writing(error)) => return problem(entry.path, error),
            };
            let after = match source.ask_again() {
                Ok(after) => after,
                Err(error) => return Ok(unreadable(&error)),
            };
            let is_unchanged = moved.is_whole && is_unchanged(&after, &source.metadata);
            let pause = pauses.next();
            if is_unchanged || pause.is_none() {
                self.work.done.bytes.fetch_add(source.metadata.size, Ordering::Relaxed);
                let flaw =
                    (!is_unchanged).then_some(if moved.is_whole { Flaw::Changed } else { Flaw::Padded });
                return Ok(Outcome::Stored(Box::new(Stored {
                    metadata: source.metadata,
                    sha256: Some(moved.sha256).filter(|_| moved.is_whole),
                    link: None,
                    attributes,
                    flaw,
                    is_new: true,
                })));
            }
            std::thread::sleep(pause.unwrap_or_default());
            source.metadata = after;
        }
    }

    fn write(&mut self, path: &Path, source: &Source, attributes: &AttributeList) -> Result<Moved, Failed> {
        let described = Described::of(path, &source.metadata, self.work.accounts);
        let mut moved = None;
        let mut unread = None;
        let written = self.writer.file_with(path, &described, attributes, |file| {
            let outcome = self.mover.copy(source, file).map_err(|error| match error {
                MoveError::Reading(error) => {
                    unread = Some(error);
                    ObjectError::Io { intent: "cannot read it", source: io::ErrorKind::Other.into() }
                }
                MoveError::Writing(source) => ObjectError::Io { intent: "cannot write it", source },
            })?;
            moved = Some(outcome);
            Ok(source.metadata.size)
        });
        match (written, moved, unread) {
            (Ok(_), Some(moved), _) => Ok(moved),
            (_, _, Some(error)) => Err(Failed::Reading(error)),
            (Err(error), ..) => Err(Failed::Writing(error)),
            (Ok(_), None, None) => Err(Failed::Writing(ObjectError::Digest)),
        }
    }

    /// Gives the file of a tree that nobody vouches for a name in this one, if it is the same to the last byte.
    fn link_unverified(
        &mut self,
        path: &Path,
        source: &Source,
        attributes: &AttributeList,
    ) -> Result<Option<[u8; 32]>, CreateError> {
        let (parent, name) = split(path);
        for tree in &mut self.unverified {
            let Ok(directory) = tree.find(parent) else { continue };
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let Ok(there) = openat(directory, name, flags, Mode::empty()).map(File::from) else { continue };
            let found = statx(&there, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS);
            let Some(found) = found.ok().as_ref().and_then(Metadata::from_statx) else { continue };
            let looks_same = looks_as(&found, &source.metadata, self.work.is_root)
                && self.attributes.of(Place::Open(&there)).is_ok_and(|found| found == *attributes);
            if !looks_same {
                continue;
            }
            let Ok(Some(sha256)) = self.mover.digest_if_same(source, &there) else { continue };
            if !source.ask_again().is_ok_and(|after| is_unchanged(&after, &source.metadata)) {
                continue;
            }
            let to = self.new.enter(parent).map_err(|error| CreateError::store(path, error))?;
            match linkat(directory, name, to, name, AtFlags::empty()) {
                Ok(()) => {
                    self.work.done.linked.fetch_add(1, Ordering::Relaxed);
                    return Ok(Some(sha256));
                }
                Err(error) => refused(path, error.into())?,
            }
        }
        Ok(None)
    }
}

enum Failed {
    Reading(io::Error),
    Writing(ObjectError),
}

/// Whether nothing was written to a file, and nothing else done to it.
fn is_unchanged(after: &Metadata, before: &Metadata) -> bool {
    (after.size, after.modified, after.changed) == (before.size, before.modified, before.changed)
}

/// Whether a file in a store is what we would make of a file. Who is not root cannot give files away.
fn looks_as(found: &Metadata, wanted: &Metadata, is_root: bool) -> bool {
    let mode = if is_root { wanted.mode } else { wanted.mode & 0o1777 };
    found.kind == Kind::File
        && found.size == wanted.size
        && found.modified == wanted.modified
        && found.mode == mode
        && (!is_root || (found.uid, found.gid) == (wanted.uid, wanted.gid))
}

/// Directory and name, below a tree.
fn split(path: &Path) -> (&Path, &OsStr) {
    let path = relative(path);
    (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default())
}

fn not_stored(error: &AppendError) -> Outcome {
    match error {
        AppendError::Vanished => Outcome::Vanished,
        error => Outcome::Problem(Flaw::Unreadable, error.to_string()),
    }
}

fn unreadable(error: &io::Error) -> Outcome {
    Outcome::Problem(Flaw::Unreadable, format!("it cannot be read: {error}"))
}

/// What the store refuses for one path; some refusals are the end of the run.
fn problem(path: &Path, error: ObjectError) -> Result<Outcome, CreateError> {
    match &error {
        ObjectError::Io { source, .. } if is_fatal(source) => Err(fatal(path, error)),
        _ => Ok(Outcome::Problem(Flaw::Unreadable, format!("it cannot be stored: {error}"))),
    }
}

/// A link that was not to be had is no error, unless there will be no copy either.
fn refused(path: &Path, error: io::Error) -> Result<(), CreateError> {
    if is_fatal(&error) { Err(CreateError::store(path, error)) } else { Ok(()) }
}

fn fatal(path: &Path, error: ObjectError) -> CreateError {
    let error = match error {
        ObjectError::Io { intent, source } => io::Error::new(source.kind(), format!("{intent}: {source}")),
        other => io::Error::other(other),
    };
    CreateError::store(path, error)
}

/// Whether it makes no sense to go on with other files.
fn is_fatal(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem)
        || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

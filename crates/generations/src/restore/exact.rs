//! Making a system what it was: what packages brought gets mode, owner and time, and what was not there goes.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use redcedar_archive::select::{Exclude, Fileset, Problem, Selection, compare_paths, select_with_places};
use redcedar_archive::{Kind, md5};
use redcedar_restore::writing::{ObjectError, ObjectWriter, Target, Walker, Written, relative};
use redcedar_system::{Interrupt, Interrupted, escape};
use rustix::fs::{AtFlags, Mode, OFlags, openat, readlinkat, unlinkat};

use super::{Exact, Request, RestoreError};
use crate::Digest;
use crate::digest::Hasher;
use crate::manifest::PathLine;
use crate::paths::{Paths, original};
use crate::store::{Generation, Store, StoreError};

/// A path, and why it is not what it should be.
type Failure = (PathBuf, String);

/// What packages brought back.
pub(super) struct Brought<'a, 'w, 't> {
    walker: Walker<'a>,
    settled: RefCell<Settled<'w, 't>>,
}

struct Settled<'w, 't> {
    /// None in a dry run.
    writer: Option<&'w mut ObjectWriter<'t>>,
    adjusted: u64,
    failures: Vec<Failure>,
}

impl<'a, 'w, 't> Brought<'a, 'w, 't> {
    pub(super) fn new(target: &'a Target, writer: Option<&'w mut ObjectWriter<'t>>) -> Self {
        let settled = Settled { writer, adjusted: 0, failures: Vec::new() };
        Self { walker: Walker::new(target), settled: RefCell::new(settled) }
    }

    /// Compares everything with its line. What is right in content gets mode, owner and time; says how many needed it.
    pub(super) fn settle(
        self,
        lines: Vec<PathLine>,
        interrupt: &Interrupt,
    ) -> Result<(u64, Vec<Failure>), Interrupted> {
        let Self { mut walker, settled } = self;
        let mut lines = lines.into_iter();
        let next_file = || {
            while let Some(line) = lines.next().filter(|_| !interrupt.is_raised()) {
                match open(&mut walker, &line) {
                    Ok(None) => settled.borrow_mut().link(&line),
                    Ok(Some(file)) => {
                        let claimed = line.left_out.and_then(|left_out| left_out.digest);
                        match claimed.as_ref().and_then(Hasher::like) {
                            None => return Some(Reading { line, file }),
                            Some(hasher) => {
                                let digest = digest(&file, hasher);
                                settled.borrow_mut().file(&Reading { line, file }, digest);
                            }
                        }
                    }
                    Err(error) => settled.borrow_mut().fail(&line, &error.to_string()),
                }
            }
            None
        };
        md5::digest_all(next_file, |reading: Reading, digest| {
            settled.borrow_mut().file(&reading, digest.map(Digest::Md5));
        });
        interrupt.check()?;
        let Settled { adjusted, failures, .. } = settled.into_inner();
        Ok((adjusted, failures))
    }
}

/// A file of a package.
struct Reading {
    line: PathLine,
    file: File,
}

impl md5::Source for Reading {
    fn content(&mut self) -> &mut impl Read {
        &mut self.file
    }
}

/// Opens the file of a line; nothing when the line is of a link, which leads where it should.
fn open(walker: &mut Walker<'_>, line: &PathLine) -> io::Result<Option<File>> {
    let path = relative(&line.entry.path);
    let directory = walker.find(path.parent().unwrap_or(Path::new("")))?;
    let name = path.file_name().unwrap_or_default();
    if line.entry.kind == Kind::Symlink {
        let found = readlinkat(directory, name, Vec::new())?.into_bytes();
        let wanted = line.entry.link.as_ref().map(|link| link.as_os_str().as_bytes());
        return if wanted == Some(&found) { Ok(None) } else { Err(io::Error::other("it leads elsewhere")) };
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(directory, name, flags, Mode::empty())?);
    let found = file.metadata()?;
    if !found.is_file() || found.len() != line.entry.size {
        return Err(io::Error::other("it is another"));
    }
    Ok(Some(file))
}

fn digest(mut file: &File, mut hasher: Hasher) -> io::Result<Digest> {
    io::copy(&mut file, &mut hasher)?;
    Ok(hasher.finish())
}

impl Settled<'_, '_> {
    fn file(&mut self, reading: &Reading, digest: io::Result<Digest>) {
        let Reading { line, file } = reading;
        match digest {
            Ok(digest) if line.left_out.is_some_and(|left_out| left_out.digest == Some(digest)) => {
                let entry = &line.entry;
                let adjusted = self
                    .writer
                    .as_mut()
                    .map(|writer| writer.adjust_file(file, &entry.path, entry, &line.attributes));
                self.count(line, adjusted);
            }
            Ok(_) => self.fail(line, "its content is another"),
            Err(error) => self.fail(line, &format!("it cannot be read: {error}")),
        }
    }

    fn link(&mut self, line: &PathLine) {
        let adjusted = self.writer.as_mut().map(|writer| writer.adjust_link(&line.entry.path, &line.entry));
        self.count(line, adjusted);
    }

    fn count(&mut self, line: &PathLine, adjusted: Option<Result<Written, ObjectError>>) {
        match adjusted {
            Some(Ok(Written::Restored(_))) => self.adjusted += 1,
            Some(Err(error)) => self.failures.push((line.entry.path.clone(), error.to_string())),
            Some(Ok(_)) | None => {}
        }
    }

    fn fail(&mut self, line: &PathLine, reason: &str) {
        let reason = format!("its package has not brought it back as it was: {reason}");
        self.failures.push((line.entry.path.clone(), reason));
    }
}

/// What is below the target and was not there.
pub(super) struct Others<'a> {
    store: &'a Store,
    generation: &'a Generation,
    request: &'a Request,
    protected: Vec<PathBuf>,
    /// What is walked.
    roots: Vec<PathBuf>,
    not_entered: Vec<PathBuf>,
}

/// What became of what was not there.
#[derive(Default)]
pub(super) struct Cleared {
    pub(super) removed: Vec<PathBuf>,
    pub(super) failures: Vec<Failure>,
    pub(super) warnings: Vec<String>,
}

impl<'a> Others<'a> {
    pub(super) fn new(
        store: &'a Store,
        generation: &'a Generation,
        request: &'a Request,
        exact: &Exact,
    ) -> Result<Self, RestoreError> {
        let unknown = || RestoreError::NotExact { generation: generation.name.to_string() };
        if !generation.has_manifest {
            return Err(unknown());
        }
        let header = store.manifest(&generation.name)?.header().clone();
        let is_below_a_root = |path: &&PathBuf| header.roots.iter().any(|root| path.starts_with(root));
        let roots = match &request.paths[..] {
            [] => header.roots.clone(),
            wanted => wanted.iter().filter(is_below_a_root).cloned().collect(),
        };
        let ours = exact.protected.iter().map(PathBuf::as_path).chain([store.path()]);
        Ok(Self {
            store,
            generation,
            request,
            protected: ours.filter_map(|path| fs_err::canonicalize(path).ok()).collect(),
            roots,
            not_entered: header.not_entered.ok_or_else(unknown)?,
        })
    }

    /// Removes what has no line in the manifest; in a dry run only says what that is.
    pub(super) fn remove(&self, interrupt: &Interrupt) -> Result<Cleared, RestoreError> {
        let mut cleared = Cleared::default();
        // Without links, as what is protected is.
        let place = match fs_err::canonicalize(&self.request.target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.request.dry_run => {
                return Ok(cleared);
            }
            place => place.map_err(StoreError::from)?,
        };
        let found = self.walk(&place, &mut cleared, interrupt)?;
        let target = Target::open(&place).map_err(StoreError::from)?;
        let mut walker = Walker::new(&target);
        // What is in a directory goes before it does.
        for (path, kind) in self.unknown(&found, &place, interrupt)?.into_iter().rev() {
            interrupt.check()?;
            if self.request.dry_run {
                cleared.removed.push(path);
                continue;
            }
            match remove(&mut walker, &path, kind) {
                Ok(()) => cleared.removed.push(path),
                Err(error) => cleared.failures.push((path, format!("it cannot be removed: {error}"))),
            }
        }
        cleared.removed.reverse();
        Ok(cleared)
    }

    /// Everything that is there now, on the file systems of the roots.
    fn walk(
        &self,
        target: &Path,
        cleared: &mut Cleared,
        interrupt: &Interrupt,
    ) -> Result<Fileset, RestoreError> {
        let here = |path: &PathBuf| target.join(relative(path));
        let exclude = Exclude::new(self.not_entered.iter().map(here).collect(), &[], &[])
            .map_err(|error| StoreError::from(io::Error::other(error)))?;
        let mut filesets = Vec::new();
        for root in &self.roots {
            let place = here(root);
            if !fs_err::symlink_metadata(&place).is_ok_and(|found| found.is_dir()) {
                continue;
            }
            let selection = Selection {
                root: &place,
                ignore_file: None,
                exclude: &exclude,
                link_depth: 0,
                dereference: false,
                one_file_system: true,
                exclude_caches: false,
                never_enter: &self.protected,
            };
            let found = select_with_places(&selection, interrupt)
                .map_err(|error| StoreError::from(io::Error::other(error)))?;
            for problem in found.problems() {
                if !matches!(problem, Problem::Skipped { .. }) {
                    cleared.failures.push((problem.path().to_owned(), problem.to_string()));
                }
            }
            for place in found.places() {
                let path = original(target, place);
                if path.is_some_and(|path| !self.not_entered.iter().any(|known| *known == *path)) {
                    cleared.warnings.push(format!(
                        "{} was not looked through for what was not there: it is another file system, or belongs to the backup",
                        escape::display(place)
                    ));
                }
            }
            filesets.push(found);
        }
        Ok(Fileset::join(filesets))
    }

    /// Brings what is there and the manifest together; both come in the same order.
    fn unknown(
        &self,
        found: &Fileset,
        target: &Path,
        interrupt: &Interrupt,
    ) -> Result<Vec<(PathBuf, Kind)>, StoreError> {
        let mut paths = Paths::of(self.store, self.generation, interrupt)?;
        let mut line = paths.next_path()?;
        let mut unknown = Vec::new();
        for found in found.iter() {
            let Some(path) = original(target, found.path) else { continue };
            let bytes = path.as_os_str().as_bytes();
            let order = |line: &PathLine| compare_paths(line.entry.path.as_os_str().as_bytes(), bytes);
            while line.as_ref().is_some_and(|line| order(line) == Ordering::Less) {
                line = paths.next_path()?;
            }
            let is_known = line.as_ref().is_some_and(|line| order(line) == Ordering::Equal);
            if !is_known && !self.is_protected(found.path) {
                unknown.push((path.into_owned(), found.metadata.kind));
            }
        }
        Ok(unknown)
    }

    /// Whether a path is what nobody may remove, or above it.
    fn is_protected(&self, path: &Path) -> bool {
        self.protected.iter().any(|protected| protected.starts_with(path))
    }
}

fn remove(walker: &mut Walker<'_>, path: &Path, kind: Kind) -> io::Result<()> {
    let path = relative(path);
    let directory = walker.find(path.parent().unwrap_or(Path::new("")))?;
    let flags = if kind == Kind::Directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
    Ok(unlinkat(directory, path.file_name().unwrap_or_default(), flags)?)
}

//! The walk: which paths are listed, and where it descends.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use redcedar_system::Interrupt;
use rustix::io::Errno;

use super::barrier::{Barriers, Verdict};
use super::directory::{self, Directory, Height, Links, Names};
use super::fileset::{Builder, Fileset, Problem};
use super::{Excluded, SelectError, Selection};
use crate::{Kind, Metadata};

/// The longest path that the system opens, without the NUL at its end.
const LONGEST_PATH: usize = 4095;

/// How many directories are kept open at a time. Trees may be deeper than a process may have open files.
const MOST_OPEN: usize = 128;

const CACHE_TAG: &std::ffi::CStr = c"CACHEDIR.TAG";
const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// A walk over the tree below a root, and over the trees that dereferenced links lead to.
struct Walk<'a> {
    selection: &'a Selection<'a>,
    interrupt: &'a Interrupt,
    excluded: Excluded,
    root: &'a Path,
    /// The root without any link in its path; asked for only where links are dereferenced.
    resolved_root: PathBuf,
    barriers: Barriers,
    found: Builder,
    /// The path of what is being looked at.
    path: Vec<u8>,
    /// The directories from the start of the tree to where we are.
    levels: Vec<Level>,
    /// The names in all of them.
    names: Names,
    /// Directories that dereferenced links lead to, with the link depth left in them, still to be walked.
    targets: VecDeque<(PathBuf, u64)>,
    /// The link depth with which the walk was or will be in such a directory.
    visited: HashMap<PathBuf, u64>,
}

/// A directory being walked.
struct Level {
    /// Closed while the walk is far below.
    directory: Option<Directory>,
    metadata: Metadata,
    /// How much of the path of the walk is the path of this directory.
    path_length: usize,
    link_depth: u64,
    names: Height,
    /// The first name not yet looked at.
    next: usize,
}

/// A link or directory that may be entered.
#[derive(Clone, Copy)]
struct Door {
    /// Which of the names in the current directory.
    name: usize,
    /// What is listed when it is not entered.
    listed: Metadata,
    /// The directory behind it.
    inside: Metadata,
    links: Links,
}

/// Walks a tree and what it leads to.
pub(super) fn walk(
    selection: &Selection<'_>,
    excluded: Excluded,
    interrupt: &Interrupt,
) -> Result<Fileset, SelectError> {
    let at_root = |error| SelectError::at(selection.root, error);
    let root = without_trailing_slashes(selection.root);
    let directory = Directory::open_path(root, Links::Follow).map_err(at_root)?;
    let metadata = directory.stat_self().map_err(at_root)?;
    let mut walk = Walk {
        selection,
        interrupt,
        excluded,
        root,
        resolved_root: if selection.dereference { resolve(root).map_err(at_root)? } else { root.to_owned() },
        barriers: Barriers::new(metadata.device, selection.one_file_system, selection.never_enter),
        found: Builder::default(),
        path: Vec::new(),
        levels: Vec::new(),
        names: Names::default(),
        targets: VecDeque::new(),
        visited: HashMap::new(),
    };
    walk.tree(root, directory, metadata, selection.link_depth)?;
    while let Some((target, link_depth)) = walk.targets.pop_front() {
        let opened = Directory::open_path(target.as_path(), Links::Follow);
        match opened.and_then(|directory| Ok((directory.stat_self()?, directory))) {
            Ok((metadata, directory)) => walk.tree(&target, directory, metadata, link_depth)?,
            Err(error) => walk.failed_at(target, error),
        }
    }
    Ok(walk.found.finish())
}

impl Walk<'_> {
    /// Walks everything below one directory.
    fn tree(
        &mut self,
        start: &Path,
        directory: Directory,
        metadata: Metadata,
        link_depth: u64,
    ) -> Result<(), SelectError> {
        self.path.clear();
        self.path.extend_from_slice(start.as_os_str().as_bytes());
        if self.excluded == Excluded::KeepPlaces || !self.is_excluded() {
            self.enter(directory, metadata, link_depth);
        }
        while let Some(level) = self.levels.last_mut() {
            self.interrupt.check()?;
            if level.next < self.names.len() {
                level.next += 1;
                let name = level.next - 1;
                self.look_at(name);
            } else {
                self.leave();
            }
        }
        Ok(())
    }

    /// Lists the directory at the current path and makes it the current one.
    fn enter(&mut self, directory: Directory, metadata: Metadata, link_depth: u64) {
        if self.selection.ignore_file.is_some_and(|name| directory.has(name)) {
            match self.excluded {
                Excluded::Vanish => return,
                // The root itself is saved whatever it holds.
                Excluded::KeepPlaces if !self.levels.is_empty() => {
                    return self.list_place(metadata);
                }
                Excluded::KeepPlaces => {}
            }
        }
        self.list(metadata);
        if self.selection.exclude_caches && directory.has_file_beginning(CACHE_TAG, CACHE_SIGNATURE) {
            self.list_cache_tag(&directory);
            return;
        }
        let names = self.names.height();
        let next = self.names.len();
        if let Err(error) = directory.list(&mut self.names) {
            self.failed(error);
        }
        if let Some(above) = self.levels.len().checked_sub(MOST_OPEN) {
            self.levels[above].directory = None;
        }
        let path_length = self.path.len();
        self.levels.push(Level {
            directory: Some(directory),
            metadata,
            path_length,
            link_depth,
            names,
            next,
        });
    }

    /// Goes back to the directory above, opening it again if that is needed.
    fn leave(&mut self) {
        let Some(left) = self.levels.pop() else { return };
        self.names.truncate(left.names);
        let Some(level) = self.levels.last_mut() else { return };
        self.path.truncate(level.path_length);
        if level.directory.is_some() || level.next == self.names.len() {
            return;
        }
        match reopen(&self.path, &level.metadata) {
            Ok(directory) => level.directory = Some(directory),
            Err(error) => {
                level.next = self.names.len();
                self.failed(error);
            }
        }
    }

    /// Deals with one name of the current directory.
    fn look_at(&mut self, name: usize) {
        let Some(level) = self.levels.last() else { return };
        let follows_links = level.link_depth > 0;
        self.path.truncate(level.path_length);
        if self.path.last() != Some(&b'/') {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(self.names.name(name).to_bytes());

        let is_excluded = self.is_excluded();
        let keeps_place = is_excluded && self.excluded == Excluded::KeepPlaces;
        if is_excluded && !keeps_place && !(follows_links && self.selection.dereference) {
            return;
        }
        if self.path.len() > LONGEST_PATH {
            return self.unreadable(format!("its path is longer than {LONGEST_PATH} bytes"));
        }
        if keeps_place {
            return self.keep_place(name);
        }
        match self.stat(name, Links::Keep) {
            Ok(link) if link.kind == Kind::Symlink && follows_links => self.follow(name, link, is_excluded),
            // An excluded link was worth looking at; nothing else that is excluded is.
            _ if is_excluded => {}
            Ok(found) if found.kind == Kind::Directory => {
                self.descend(&Door { name, listed: found, inside: found, links: Links::Keep });
            }
            Ok(found) => self.list(found),
            Err(error) => self.failed(error),
        }
    }

    /// Deals with a link where links are followed.
    fn follow(&mut self, name: usize, link: Metadata, is_excluded: bool) {
        let target = self.stat(name, Links::Follow).ok();
        let behind = target.map(|target| target.kind);
        match (target, behind) {
            (Some(inside), Some(Kind::Directory)) if !self.selection.dereference => {
                if self.barriers.is_beyond(&inside) || self.is_inside(&inside) {
                    self.list(link);
                } else {
                    self.descend(&Door { name, listed: link, inside, links: Links::Follow });
                }
                return;
            }
            (Some(target), Some(Kind::Directory | Kind::File)) if self.selection.dereference => {
                self.dereference(name, &target);
            }
            _ => {}
        }
        if !is_excluded {
            self.list(link);
        }
    }

    /// Enters a directory of the current one if nothing is in the way.
    fn descend(&mut self, door: &Door) {
        let Some((level, parent)) = current(&self.levels) else { return };
        let link_depth = level.link_depth.saturating_sub(1);
        let name = self.names.name(door.name);
        let opened = match self.barriers.judge(parent, name, door.links, &door.inside, level.metadata.device)
        {
            Ok(Verdict::Enter) => parent.open(name, door.links),
            Ok(Verdict::Stop) => return self.list_without_contents(door.listed),
            Ok(Verdict::Skip(reason)) => {
                self.list_without_contents(door.listed);
                return self.skipped(reason);
            }
            Err(error) => Err(error),
        };
        match opened {
            Ok(directory) => self.enter(directory, door.inside, link_depth),
            Err(error) => {
                if !is_gone(error) {
                    self.list_without_contents(door.listed);
                }
                self.failed(error);
            }
        }
    }

    /// Hands on what a link leads to, under its own path.
    fn dereference(&mut self, name: usize, target: &Metadata) {
        let Some((level, parent)) = current(&self.levels) else { return };
        if self.barriers.is_beyond(target) {
            return;
        }
        let link_depth = level.link_depth - 1;
        let path = match self.target_of(parent, name) {
            Ok(path) => path,
            Err(error) => return self.failed(error),
        };
        if target.kind == Kind::File {
            return self.dereferenced_file(&path);
        }
        let name = self.names.name(name);
        match self.barriers.judge(parent, name, Links::Follow, target, level.metadata.device) {
            Ok(Verdict::Enter) => {}
            Ok(Verdict::Stop) => return,
            Ok(Verdict::Skip(reason)) => return self.skipped(reason),
            Err(error) => return self.failed(error),
        }
        if self.visited.get(&path).is_none_or(|&visited| visited < link_depth) {
            self.visited.insert(path.clone(), link_depth);
            self.targets.push_back((path, link_depth));
        }
    }

    /// The path that a link of the current directory leads to: one link further, the directories above it resolved, so
    /// that nothing is ever listed below something that is listed as a link.
    fn target_of(&self, parent: &Directory, name: usize) -> Result<PathBuf, Errno> {
        let text = parent.read_link(self.names.name(name))?;
        let link = Path::new(OsStr::from_bytes(&self.path));
        let target = link.parent().unwrap_or(link).join(text);
        let resolved = match (target.parent(), target.file_name()) {
            (Some(above), Some(name)) => resolve(above)?.join(name),
            _ => resolve(&target)?,
        };
        Ok(match resolved.strip_prefix(&self.resolved_root) {
            Ok(below) if below.as_os_str().is_empty() => self.root.to_owned(),
            Ok(below) => self.root.join(below),
            Err(_) => resolved,
        })
    }

    fn dereferenced_file(&mut self, path: &Path) {
        match self.selection.exclude.test(path) {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                self.found.problem(Problem::Undecided { path: path.to_owned(), reason: error.to_string() });
            }
        }
        match directory::stat(path, Links::Keep) {
            Ok(metadata) => self.found.push(path.as_os_str().as_bytes(), metadata),
            Err(error) => self.failed_at(path.to_owned(), error),
        }
    }

    /// Whether the current path is excluded.
    fn is_excluded(&mut self) -> bool {
        match self.selection.exclude.test(as_path(&self.path)) {
            Ok(answer) => answer,
            Err(error) => {
                let path = as_path(&self.path).to_owned();
                self.found.problem(Problem::Undecided { path, reason: error.to_string() });
                false
            }
        }
    }

    /// Whether a directory is one of those we are in, so that entering it would not end.
    fn is_inside(&self, directory: &Metadata) -> bool {
        self.levels.iter().any(|level| level.metadata.identity() == directory.identity())
    }

    /// What is under a name in the current directory.
    fn stat(&self, name: usize, links: Links) -> Result<Metadata, Errno> {
        let (_, directory) = current(&self.levels).ok_or(Errno::BADF)?;
        directory.stat(self.names.name(name), links)
    }

    fn list(&mut self, metadata: Metadata) {
        self.found.push(&self.path, metadata);
    }

    /// Lists what is excluded if it is a directory, without what is in it, or a link.
    fn keep_place(&mut self, name: usize) {
        match self.stat(name, Links::Keep) {
            Ok(found) if found.kind == Kind::Directory => self.list_place(found),
            Ok(found) if found.kind == Kind::Symlink => self.list(found),
            Ok(_) => self.found.place(as_path(&self.path).to_owned()),
            Err(error) => self.failed(error),
        }
    }

    /// Lists a directory that is not entered.
    fn list_without_contents(&mut self, metadata: Metadata) {
        match self.excluded {
            Excluded::Vanish => self.list(metadata),
            Excluded::KeepPlaces => self.list_place(metadata),
        }
    }

    fn list_place(&mut self, metadata: Metadata) {
        self.list(metadata);
        self.found.place(as_path(&self.path).to_owned());
    }

    fn list_cache_tag(&mut self, directory: &Directory) {
        let length = self.path.len();
        if self.path.last() != Some(&b'/') {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(CACHE_TAG.to_bytes());
        if !self.is_excluded() {
            match directory.stat(CACHE_TAG, Links::Keep) {
                Ok(metadata) => self.list(metadata),
                Err(error) => self.failed(error),
            }
        }
        self.path.truncate(length);
    }

    fn failed(&mut self, error: Errno) {
        self.failed_at(as_path(&self.path).to_owned(), error);
    }

    fn failed_at(&mut self, path: PathBuf, error: Errno) {
        self.found.problem(if is_gone(error) {
            Problem::Vanished { path }
        } else {
            Problem::Unreadable { path, reason: io::Error::from(error).to_string() }
        });
    }

    fn unreadable(&mut self, reason: String) {
        self.found.problem(Problem::Unreadable { path: as_path(&self.path).to_owned(), reason });
    }

    fn skipped(&mut self, reason: String) {
        self.found.problem(Problem::Skipped { path: as_path(&self.path).to_owned(), reason });
    }
}

/// The directory the walk is in.
fn current(levels: &[Level]) -> Option<(&Level, &Directory)> {
    let level = levels.last()?;
    Some((level, level.directory.as_ref()?))
}

/// Opens a directory again that was closed meanwhile, if it is still the same one.
fn reopen(path: &[u8], expected: &Metadata) -> Result<Directory, Errno> {
    let directory = Directory::open_path(path, Links::Follow)?;
    if directory.stat_self()?.identity() == expected.identity() { Ok(directory) } else { Err(Errno::NOENT) }
}

/// The path without links in it.
fn resolve(path: &Path) -> Result<PathBuf, Errno> {
    // Not `fs_err`: the error travels on as a bare number; who reports it names the path.
    std::fs::canonicalize(path)
        .map_err(|error| error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error))
}

/// Whether an error means that what was there a moment ago is there no more, or is something else.
fn is_gone(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
}

fn without_trailing_slashes(path: &Path) -> &Path {
    let mut bytes = path.as_os_str().as_bytes();
    while let [rest @ .., b'/'] = bytes
        && !rest.is_empty()
    {
        bytes = rest;
    }
    as_path(bytes)
}

fn as_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

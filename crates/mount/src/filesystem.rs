//! The answers to what the kernel asks.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fuser::{
    Errno, FileAttr, FileHandle, Filesystem, FopenFlags, Generation, INodeNo, LockOwner, OpenFlags,
    ReplyAttr, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen, ReplyStatfs,
    ReplyXattr, Request,
};
use redcedar_archive::Kind;
use redcedar_restore::browse::{BrowseError, Browser, File, Number, Seek, State};
use redcedar_system::{Owner, escape};

use crate::attributes;
use crate::layout::{Layout, Place};
use crate::problems::Problems;

/// How long the kernel may believe what it was told: nothing ever changes.
const FOREVER: Duration = Duration::from_hours(24);
/// What `lseek` is asked for, in numbers.
const SEEK_DATA: i32 = 3;
const SEEK_HOLE: i32 = 4;

/// The file system.
pub(crate) struct Backups {
    browser: Browser,
    layout: Layout,
    owner: Owner,
    problems: Arc<Problems>,
    files: Mutex<HashMap<u64, Arc<OpenFile>>>,
    next_file: AtomicU64,
}

struct OpenFile {
    file: File,
    /// For messages: of which machine and day it is.
    name: String,
}

impl Backups {
    pub(crate) fn new(browser: Browser, owner: Owner, problems: Arc<Problems>) -> Self {
        let layout = Layout::new(browser.machines());
        Self { browser, layout, owner, problems, files: Mutex::default(), next_file: AtomicU64::new(1) }
    }

    fn place(&self, number: INodeNo) -> Result<Place, Errno> {
        self.layout.place(number.0).ok_or(Errno::ESTALE)
    }

    fn state(&self, tree: usize) -> Result<Arc<State>, Errno> {
        let (machine, day) = self.layout.tree(tree).ok_or(Errno::ESTALE)?;
        self.browser.state(machine, day).map_err(|error| match error {
            BrowseError::Interrupted(_) => Errno::EINTR,
            changed => {
                self.problems.tell(changed.to_string());
                Errno::ESTALE
            }
        })
    }

    /// The place of an object of a tree: the same for all names of a file.
    fn place_in(state: &State, tree: usize, number: Number) -> Result<Place, Errno> {
        Ok(Place::In(tree, state.identity(number).ok_or(Errno::ESTALE)?))
    }

    fn attributes(&self, place: Place) -> Result<FileAttr, Errno> {
        let number = self.layout.number(place);
        let above = |kind, size| attributes::above(number, kind, size, self.layout.day(place), self.owner);
        match place {
            Place::Root | Place::Latest | Place::Day(_) => Ok(above(Kind::Directory, 0)),
            Place::Newest(machine) => {
                let target = self.layout.target(machine).ok_or(Errno::ESTALE)?;
                Ok(above(Kind::Symlink, target.as_os_str().len() as u64))
            }
            Place::In(tree, object) => {
                let known = self.state(tree)?.attributes(object).ok_or(Errno::ESTALE)?;
                Ok(attributes::of(number, &known))
            }
        }
    }

    fn child(&self, directory: Place, name: &OsStr) -> Result<Place, Errno> {
        match directory {
            Place::In(tree, object) => {
                let state = self.state(tree)?;
                let child = state.child(object, name).ok_or(Errno::ENOENT)?;
                Self::place_in(&state, tree, child)
            }
            above => {
                let entries = self.layout.entries(above).into_iter();
                let found = entries.filter(|(entry, _)| entry == name).map(|(_, place)| place).next();
                found.ok_or(Errno::ENOENT)
            }
        }
    }

    fn parent(&self, place: Place) -> Result<Place, Errno> {
        match place {
            Place::In(tree, State::ROOT) => Ok(self.layout.above(tree)),
            Place::In(tree, object) => {
                Ok(Place::In(tree, self.state(tree)?.parent(object).ok_or(Errno::ESTALE)?))
            }
            Place::Newest(_) => Ok(Place::Latest),
            Place::Root | Place::Latest | Place::Day(_) => Ok(Place::Root),
        }
    }

    /// What is in a directory, from the `skip`th name on, as many as `add` wants.
    fn list(
        &self,
        directory: Place,
        skip: usize,
        mut add: impl FnMut(Place, Kind, &OsStr) -> bool,
    ) -> Result<(), Errno> {
        let dots = [(".", directory), ("..", self.parent(directory)?)];
        for (name, place) in dots.into_iter().skip(skip) {
            if !add(place, Kind::Directory, OsStr::new(name)) {
                return Ok(());
            }
        }
        let skip = skip.saturating_sub(dots.len());
        let Place::In(tree, object) = directory else {
            let entries: Vec<(OsString, Place)> = self.layout.entries(directory);
            let kind =
                |place| if matches!(place, Place::Newest(_)) { Kind::Symlink } else { Kind::Directory };
            entries.iter().skip(skip).all(|(name, place)| add(*place, kind(*place), name));
            return Ok(());
        };
        let state = self.state(tree)?;
        for (name, child) in state.children(object).skip(skip) {
            let kind = state.attributes(child).ok_or(Errno::ESTALE)?.kind;
            if !add(Self::place_in(&state, tree, child)?, kind, name) {
                break;
            }
        }
        Ok(())
    }

    fn target(&self, place: Place) -> Result<OsString, Errno> {
        match place {
            Place::Newest(machine) => self.layout.target(machine).map(Into::into).ok_or(Errno::ESTALE),
            Place::In(tree, object) => {
                let state = self.state(tree)?;
                state.link(object).map(Into::into).ok_or(Errno::EINVAL)
            }
            _ => Err(Errno::EINVAL),
        }
    }

    fn open_file(&self, place: Place) -> Result<u64, Errno> {
        let Place::In(tree, object) = place else { return Err(Errno::EISDIR) };
        let state = self.state(tree)?;
        let (machine, day) = self.layout.tree(tree).ok_or(Errno::ESTALE)?;
        let path = state.path(object);
        let name = format!("{} of {}, {day}", escape::display(&path), escape::display(machine));
        let file = state.open(object).map_err(|error| {
            self.problems.tell(format!("cannot open {name}: {error}"));
            Errno::EIO
        })?;
        let handle = self.next_file.fetch_add(1, Ordering::Relaxed);
        let file = Arc::new(OpenFile { file, name });
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(handle, file);
        Ok(handle)
    }

    fn file(&self, handle: FileHandle) -> Result<Arc<OpenFile>, Errno> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.get(&handle.0).cloned().ok_or(Errno::EBADF)
    }

    fn read_file(&self, handle: FileHandle, offset: u64, length: u32) -> Result<Vec<u8>, Errno> {
        let OpenFile { file, name } = &*self.file(handle)?;
        file.read_at(offset, length as usize).map_err(|error| {
            self.problems.tell(format!("cannot read {name}: {error}"));
            Errno::EIO
        })
    }

    fn seek(&self, handle: FileHandle, offset: i64, whence: i32) -> Result<i64, Errno> {
        let what = match whence {
            SEEK_DATA => Seek::Data,
            SEEK_HOLE => Seek::Hole,
            _ => return Err(Errno::EINVAL),
        };
        let offset = u64::try_from(offset).map_err(|_| Errno::ENXIO)?;
        let found = self.file(handle)?.file.seek(offset, what).ok_or(Errno::ENXIO)?;
        i64::try_from(found).map_err(|_| Errno::EOVERFLOW)
    }
}

impl Filesystem for Backups {
    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.place(parent).and_then(|parent| self.child(parent, name));
        match found.and_then(|place| self.attributes(place)) {
            Ok(attributes) => reply.entry(&FOREVER, &attributes, Generation(0)),
            Err(error) => reply.error(error),
        }
    }

    fn getattr(&self, _request: &Request, number: INodeNo, _file: Option<FileHandle>, reply: ReplyAttr) {
        match self.place(number).and_then(|place| self.attributes(place)) {
            Ok(attributes) => reply.attr(&FOREVER, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn readlink(&self, _request: &Request, number: INodeNo, reply: ReplyData) {
        match self.place(number).and_then(|place| self.target(place)) {
            Ok(target) => reply.data(target.as_bytes()),
            Err(error) => reply.error(error),
        }
    }

    fn readdir(
        &self,
        _request: &Request,
        number: INodeNo,
        _file: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let mut next = offset;
        let add = |place, kind, name: &OsStr| {
            next += 1;
            let number = INodeNo(self.layout.number(place));
            let is_full = reply.add(number, next, attributes::kind(kind), name);
            !is_full
        };
        let skip = usize::try_from(offset).unwrap_or(usize::MAX);
        match self.place(number).and_then(|place| self.list(place, skip, add)) {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    fn open(&self, _request: &Request, number: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        match self.place(number).and_then(|place| self.open_file(place)) {
            Ok(handle) => reply.opened(FileHandle(handle), FopenFlags::FOPEN_KEEP_CACHE),
            Err(error) => reply.error(error),
        }
    }

    fn read(
        &self,
        _request: &Request,
        _number: INodeNo,
        file: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.read_file(file, offset, size) {
            Ok(content) => reply.data(&content),
            Err(error) => reply.error(error),
        }
    }

    fn lseek(
        &self,
        _request: &Request,
        _number: INodeNo,
        file: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        match self.seek(file, offset, whence) {
            Ok(offset) => reply.offset(offset),
            Err(error) => reply.error(error),
        }
    }

    fn flush(
        &self,
        _request: &Request,
        _number: INodeNo,
        _file: FileHandle,
        _lock_owner: LockOwner,
        reply: ReplyEmpty,
    ) {
        reply.ok();
    }

    fn release(
        &self,
        _request: &Request,
        _number: INodeNo,
        file: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).remove(&file.0);
        reply.ok();
    }

    fn statfs(&self, _request: &Request, _number: INodeNo, reply: ReplyStatfs) {
        // Nobody counts, and nothing is free.
        reply.statfs(0, 0, 0, 0, 0, 4096, 255, 4096);
    }

    /// The kernel does not ask again. To answer, the archive would have to be read whenever somebody lists a directory.
    fn getxattr(&self, _request: &Request, _number: INodeNo, _name: &OsStr, _size: u32, reply: ReplyXattr) {
        reply.error(Errno::ENOSYS);
    }

    /// As [`Self::getxattr`].
    fn listxattr(&self, _request: &Request, _number: INodeNo, _size: u32, reply: ReplyXattr) {
        reply.error(Errno::ENOSYS);
    }
}

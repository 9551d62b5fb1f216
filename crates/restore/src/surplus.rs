//! What is below the wanted paths and was not there on the day: found, and removed.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use redcedar_system::{Interrupt, Interrupted, escape};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat, unlinkat};
use rustix::io::Errno;

use crate::path::stripped;
use crate::report::Failure;
use crate::target::{Target, Walker};
use crate::tree::Tree;

/// What is to be removed, and what is in the way of that.
#[derive(Debug, Default)]
pub(crate) struct Surplus {
    /// Below the target, each after what is in it.
    found: Vec<(PathBuf, FileType)>,
    /// What has to be known about it.
    pub(crate) warnings: Vec<String>,
    removed: AtomicU64,
}

/// What a search goes by.
pub(crate) struct Search<'a> {
    pub(crate) target: &'a Target,
    /// How many leading names the target leaves out.
    pub(crate) strip: usize,
    /// The paths below which everything has to be as it was.
    pub(crate) roots: &'a [PathBuf],
    /// What is left alone, below the target, with everything in it.
    pub(crate) others: &'a [PathBuf],
    pub(crate) interrupt: &'a Interrupt,
}

impl Search<'_> {
    /// Looks for what is not in `tree`. Links are not followed, and other file systems not entered.
    pub(crate) fn run(&self, tree: &Tree) -> Result<Surplus, Interrupted> {
        let mut known = HashSet::new();
        for path in tree.nodes.keys() {
            let mut path = stripped(path, self.strip);
            // What is on the way belongs there as well.
            while known.insert(path) {
                path = path.parent().unwrap_or(path);
            }
        }
        let mut surplus = Surplus::default();
        let mut roots: Vec<_> = self.roots.iter().map(|root| stripped(root, self.strip)).collect();
        roots.sort();
        roots.dedup_by(|later, earlier| later.starts_with(*earlier));
        for root in roots {
            let mut walker = Walker::new(self.target);
            match device(&mut walker, root) {
                Ok(device) => {
                    self.look(&mut surplus, &mut walker, root, device, &known)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
                Err(error) => surplus.cannot_look(root, &error),
            }
        }
        Ok(surplus)
    }

    /// Says whether everything in a directory is to go.
    fn look(
        &self,
        surplus: &mut Surplus,
        walker: &mut Walker<'_>,
        directory: &Path,
        root_device: u64,
        known: &HashSet<&Path>,
    ) -> Result<bool, Interrupted> {
        self.interrupt.check()?;
        let names = match device(walker, directory).and_then(|device| Ok((device, names(walker, directory)?)))
        {
            Ok((device, names)) if device == root_device => names,
            Ok(_) => {
                let path = escape::display(directory).to_string();
                surplus.warnings.push(format!("{path} is on another file system; it is left alone"));
                return Ok(false);
            }
            Err(error) => {
                surplus.cannot_look(directory, &error);
                return Ok(false);
            }
        };
        let mut all_go = true;
        for (name, kind) in names {
            let path = directory.join(OsStr::from_bytes(&name));
            let is_known = known.contains(path.as_path());
            let is_foreign = self.others.iter().any(|other| path.starts_with(other));
            let goes = !is_foreign
                && (kind != FileType::Directory || self.look(surplus, walker, &path, root_device, known)?)
                && !is_known;
            all_go &= goes;
            if goes {
                surplus.found.push((path, kind));
            }
        }
        Ok(all_go)
    }
}

fn device(walker: &mut Walker<'_>, directory: &Path) -> io::Result<u64> {
    let handle = walker.find(directory)?;
    Ok(statat(handle, "", AtFlags::EMPTY_PATH)?.st_dev)
}

/// What is in a directory, sorted.
fn names(walker: &mut Walker<'_>, directory: &Path) -> io::Result<Vec<(Vec<u8>, FileType)>> {
    let handle = walker.find(directory)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = openat(handle, ".", flags, Mode::empty())?;
    let mut names = Vec::new();
    for entry in Dir::read_from(&opened)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if name == b"." || name == b".." {
            continue;
        }
        match statat(handle, OsStr::from_bytes(&name), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => names.push((name, FileType::from_raw_mode(stat.st_mode))),
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    names.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(names)
}

impl Surplus {
    fn cannot_look(&mut self, directory: &Path, error: &io::Error) {
        let path = escape::display(directory).to_string();
        self.warnings.push(format!("cannot look at {path}, so that nothing in it is removed: {error}"));
    }

    /// What is to be removed, below the target.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.found.iter().map(|(path, _)| path.as_path())
    }

    /// How much was removed.
    pub(crate) fn removed(&self) -> u64 {
        self.removed.load(Ordering::Relaxed)
    }

    /// Removes what is below `directory`; returns what could not be removed.
    pub(crate) fn remove_below(&self, target: &Target, directory: &Path) -> Vec<Failure> {
        let mut walker = Walker::new(target);
        let mut failures = Vec::new();
        for (path, kind) in self.found.iter().filter(|(path, _)| path.starts_with(directory)) {
            match remove(&mut walker, path, *kind) {
                Ok(removed) => drop(self.removed.fetch_add(u64::from(removed), Ordering::Relaxed)),
                Err(error) => {
                    let reason = format!("it was not there on that day, and cannot be removed: {error}");
                    failures.push(Failure { path: Path::new("/").join(path), reason });
                }
            }
        }
        failures
    }
}

/// Says whether it was still there.
fn remove(walker: &mut Walker<'_>, path: &Path, kind: FileType) -> io::Result<bool> {
    let handle = match walker.find(path.parent().unwrap_or(Path::new(""))) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        // Something else has its place by now.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(false),
        handle => handle?,
    };
    let flags = if kind == FileType::Directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
    match unlinkat(handle, path.file_name().unwrap_or_default(), flags) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

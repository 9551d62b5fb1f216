//! The directory in which a day is repaired.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redcedar_archive::{Stored, naming};
use redcedar_system::fs::{Directory, sync_directory};
use redcedar_system::{Interrupt, Owner};
use rustix::fs::{AtFlags, FileType, Stat, linkat};

use super::{Damaged, DayFile};

/// Its name, in the directory of the day or that of the copies; the name is that of something a killed run left over.
const NAME: &str = ".redcedar-repair";
/// How much is read at a time, and how little where that fails: the sector of a disc.
const CHUNK: usize = 1 << 20;
const SECTOR: usize = 2048;

/// A directory of mode 0700 with the files of a day, or links to them. Gone with all that is in it when it is dropped.
pub(super) struct Workshop {
    /// What it is in.
    parent: Directory,
    directory: Directory,
    /// Where the day goes as a whole; else its files go back to where they came from.
    target: Option<PathBuf>,
}

/// What was brought to the workshop.
pub(super) struct Gathered {
    /// The files, by name, with their inodes.
    inodes: BTreeMap<PathBuf, u64>,
    /// Files with recovery data, where they are in the workshop.
    pub(super) recovery: Vec<PathBuf>,
}

impl Workshop {
    /// For a copy of the day below `to`.
    pub(super) fn for_copy(to: &Path, day: &Damaged) -> io::Result<Self> {
        let date = day.date;
        let target = to.join(format!("{:04}/{:02}/{:02}", date.year(), date.month(), date.day()));
        if fs_err::symlink_metadata(&target).is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!("{} is there already", redcedar_system::escape::display(&target)),
            ));
        }
        fs_err::create_dir_all(to)?;
        Self::new(Directory::open(to)?, Some(target))
    }

    /// For the day where it is.
    pub(super) fn in_place(day: &Damaged) -> io::Result<Self> {
        Self::new(Directory::open(&day.directory)?, None)
    }

    fn new(parent: Directory, target: Option<PathBuf>) -> io::Result<Self> {
        parent.remove_all(OsStr::new(NAME))?;
        let (directory, _) = parent.create_directory(OsStr::new(NAME), 0o700, None)?;
        Ok(Self { parent, directory, target })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Brings the files of the day here. What cannot be read of them is zeros here.
    pub(super) fn gather(&self, day: &Damaged, interrupt: &Interrupt) -> io::Result<Gathered> {
        let mut gathered = Gathered { inodes: BTreeMap::new(), recovery: Vec::new() };
        let is_here = |file: &&DayFile| self.target.is_some() || Arc::ptr_eq(&file.place, &day.place);
        for file in day.files.iter().filter(is_here) {
            let (directory, name) = self.make_room(&file.name)?;
            if self.target.is_some() {
                copy(file, &directory.path().join(&name), interrupt)?;
            } else {
                let (origin, _) = self.open_in_day(&file.name, false)?;
                linkat(&origin, &name, &directory, &name, AtFlags::empty())?;
            }
            if let Some(status) = directory.status(&name)? {
                gathered.inodes.insert(file.name.clone(), status.st_ino);
            }
            if file.name.parent() == Some(Path::new("")) && naming::is_recovery(&name) {
                gathered.recovery.push(self.path().join(&name));
            }
        }
        Ok(gathered)
    }

    fn make_room(&self, path: &Path) -> io::Result<(Directory, OsString)> {
        walk(Directory::open(self.path())?, path, true)
    }

    fn open_in_day(&self, path: &Path, create: bool) -> io::Result<(Directory, OsString)> {
        walk(Directory::open(self.parent.path())?, path, create)
    }

    /// Lets the day, or what was repaired of it, appear where it belongs. Returns what was repaired.
    pub(super) fn publish(self, gathered: &Gathered) -> io::Result<Vec<PathBuf>> {
        let mut repaired = Vec::new();
        for (path, inode) in files(&self.directory, Path::new(""))? {
            match gathered.inodes.get(&path) {
                Some(before) if *before == inode => {}
                // `par2` gives what is damaged another name.
                None if gathered.inodes.values().any(|before| *before == inode) => {
                    let (directory, name) = self.make_room(&path)?;
                    directory.remove_file(&name)?;
                }
                _ => repaired.push(path),
            }
        }
        match &self.target {
            Some(target) => self.publish_day(target)?,
            None => repaired.iter().try_for_each(|path| self.publish_file(path))?,
        }
        Ok(repaired)
    }

    fn publish_day(&self, target: &Path) -> io::Result<()> {
        self.directory.sync_file_system()?;
        let parent = target.parent().unwrap_or(target);
        fs_err::create_dir_all(parent)?;
        self.directory.set_owner_and_mode(None, 0o750)?;
        fs_err::rename(self.path(), target)?;
        sync_directory(parent)
    }

    /// Moves a file to where it belongs, with mode and owner of what it replaces, or of the directory.
    fn publish_file(&self, path: &Path) -> io::Result<()> {
        let (from, name) = self.make_room(path)?;
        let (to, _) = self.open_in_day(path, true)?;
        let (owner, mode) = match to.status(&name)? {
            Some(old) => (owner(&old), old.st_mode & 0o777),
            None => (owner(&to.own_status()?), 0o640),
        };
        to.adopt_file(&from, &name)?.publish(mode, owner)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // Nobody can be told here; what is left over is recognisable by its name, and removed by the next run.
        let _left_over = self.parent.remove_all(OsStr::new(NAME));
    }
}

/// Only root can give files away, and for anybody else they are his own.
fn owner(status: &Stat) -> Option<Owner> {
    rustix::process::geteuid().is_root().then_some(Owner { uid: status.st_uid, gid: status.st_gid })
}

/// The directory of a file below `directory`, and its name there. No link is followed.
fn walk(mut directory: Directory, path: &Path, create: bool) -> io::Result<(Directory, OsString)> {
    let name = path.file_name().unwrap_or_default().to_owned();
    for part in path.parent().into_iter().flatten() {
        directory = if create {
            directory.create_directory(part, 0o750, None)?.0
        } else {
            directory.open_directory(part)?
        };
    }
    Ok((directory, name))
}

/// All regular files, by path, with their inodes.
fn files(directory: &Directory, path: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    for name in directory.names()? {
        let Some(status) = directory.status(&name)? else { continue };
        let path = path.join(&name);
        match FileType::from_raw_mode(status.st_mode) {
            FileType::Directory => found.extend(files(&directory.open_directory(&name)?, &path)?),
            FileType::RegularFile => found.push((path, status.st_ino)),
            _ => {}
        }
    }
    Ok(found)
}

/// Copies a file, with zeros for what cannot be read.
fn copy(file: &DayFile, to: &Path, interrupt: &Interrupt) -> io::Result<()> {
    let mut from = file.place.open(&file.path)?;
    let mut to = fs_err::OpenOptions::new().write(true).create_new(true).open(to)?;
    let (mut buffer, mut position) = (vec![0; CHUNK], 0_u64);
    while position < file.size {
        interrupt.check().map_err(io::Error::other)?;
        let wanted = usize::try_from(file.size - position).unwrap_or(CHUNK).min(CHUNK);
        let read = read_at(&mut from, &mut buffer[..wanted], position);
        let read = read.unwrap_or_else(|_unreadable| {
            let sector = wanted.min(SECTOR);
            // A sector by itself may be readable where a megabyte with it is not.
            match read_at(&mut from, &mut buffer[..sector], position) {
                Ok(read) if read > 0 => read,
                _ => {
                    buffer[..sector].fill(0);
                    sector
                }
            }
        });
        if read == 0 {
            break;
        }
        to.write_all(&buffer[..read])?;
        position += read as u64;
    }
    Ok(())
}

fn read_at(from: &mut Stored, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    from.seek(SeekFrom::Start(position))?;
    from.read(buffer)
}

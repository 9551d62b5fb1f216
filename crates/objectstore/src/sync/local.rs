//! What is in a directory, in the order in which a bucket lists keys: by the bytes of the whole name, with `/` between its parts.

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use redcedar_system::fs::is_temporary;
use redcedar_system::{Interrupt, escape};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, openat, statat};
use rustix::io::Errno;

use super::filter::Filter;
use super::stamp::Stamp;

/// What there is by a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Local {
    /// A file.
    File { name: String, stamp: Stamp },
    /// It cannot be said what is there; if the name ends in `/`, nor below it. Without a reason, it is not to be looked at.
    Unknown { name: Vec<u8>, reason: Option<Reason> },
}

/// Why it cannot be said what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) text: String,
    /// Whether something went wrong, and does not just happen to be no file.
    pub(crate) is_failure: bool,
}

impl Local {
    pub(crate) fn name(&self) -> &[u8] {
        match self {
            Self::File { name, .. } => name.as_bytes(),
            Self::Unknown { name, .. } => name,
        }
    }
}

/// What is done about symbolic links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Links {
    /// They stand for what they lead to.
    #[default]
    Follow,
    /// They are left out.
    Skip,
}

/// A walk. It ends early, with an error, only when it is interrupted or the directory itself cannot be read.
pub(crate) struct Walk<'a> {
    root: &'a Path,
    links: Links,
    filter: &'a Filter,
    interrupt: &'a Interrupt,
    levels: Vec<Level>,
}

struct Level {
    directory: OwnedFd,
    /// Device and inode.
    identity: (u64, u64),
    /// The name of the directory, with a `/` at its end unless it is the root.
    name: Vec<u8>,
    /// What is in it, the last first; names of directories end in `/`.
    entries: Vec<Entry>,
}

struct Entry {
    name: Vec<u8>,
    kind: Kind,
}

enum Kind {
    File,
    Directory,
    /// There, but nothing that can be uploaded, because of this.
    Odd(&'static str),
    /// Not to be looked at.
    Ignored,
}

impl<'a> Walk<'a> {
    /// Begins with `root`, links to it followed.
    pub(crate) fn new(
        root: &'a Path,
        links: Links,
        filter: &'a Filter,
        interrupt: &'a Interrupt,
    ) -> io::Result<Self> {
        let at_root = |error: Errno| at(root, "cannot read directory", error);
        let directory = rustix::fs::open(root, directory_flags(), Mode::empty()).map_err(at_root)?;
        let mut walk = Self { root, links, filter, interrupt, levels: Vec::new() };
        let level = walk.level(directory, Vec::new()).map_err(at_root)?;
        walk.levels.push(level);
        Ok(walk)
    }

    fn level(&self, directory: OwnedFd, name: Vec<u8>) -> Result<Level, Errno> {
        let stat = rustix::fs::fstat(&directory)?;
        let mut entries = Vec::new();
        for entry in Dir::read_from(&directory)? {
            let entry = entry?;
            let own = entry.file_name();
            if own == c"." || own == c".." {
                continue;
            }
            let kind = self.kind(&directory, own, entry.file_type());
            let name = own.to_bytes();
            // What a link that leads nowhere led to may have been a directory.
            if matches!(kind, Kind::Odd(DANGLING)) {
                entries.push(Entry { name: [name, b"/"].concat(), kind: Kind::Ignored });
            }
            let slash: &[u8] = if matches!(kind, Kind::Directory) { b"/" } else { b"" };
            entries.push(Entry { name: [name, slash].concat(), kind });
        }
        entries.sort_unstable_by(|a, b| b.name.cmp(&a.name));
        Ok(Level { directory, identity: identity(&stat), name, entries })
    }

    fn kind(&self, directory: &OwnedFd, name: &CStr, listed: FileType) -> Kind {
        match listed {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink if self.links == Links::Skip => Kind::Odd("a symbolic link"),
            FileType::Symlink | FileType::Unknown => match statat(directory, name, self.flags()) {
                Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                    FileType::RegularFile => Kind::File,
                    FileType::Directory => Kind::Directory,
                    FileType::Symlink => Kind::Odd("a symbolic link"),
                    other => Kind::Odd(word(other)),
                },
                Err(_) => Kind::Odd(DANGLING),
            },
            other => Kind::Odd(word(other)),
        }
    }

    fn flags(&self) -> AtFlags {
        match self.links {
            Links::Follow => AtFlags::empty(),
            Links::Skip => AtFlags::SYMLINK_NOFOLLOW,
        }
    }

    /// Looks at the next entry; nothing when there is nothing to say of it.
    fn visit(&mut self, entry: &Entry) -> Option<Local> {
        let level = self.levels.last()?;
        let name = [&level.name[..], &entry.name].concat();
        let unknown = |name: Vec<u8>, text: &dyn std::fmt::Display, is_failure| {
            Some(Local::Unknown { name, reason: Some(Reason { text: text.to_string(), is_failure }) })
        };
        let Ok(text) = std::str::from_utf8(&name) else {
            return match entry.kind {
                Kind::Ignored => Some(Local::Unknown { name, reason: None }),
                _ => unknown(name, &"its name is not UTF-8, and keys of objects have to be", false),
            };
        };
        match entry.kind {
            Kind::Ignored => Some(Local::Unknown { name, reason: None }),
            Kind::Odd(_) | Kind::File if !self.filter.takes(text) => {
                Some(Local::Unknown { name, reason: None })
            }
            Kind::Odd(what) => unknown(name, &format_args!("it is {what}"), false),
            Kind::File => match self.stat(&entry.name) {
                Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
                    Some(Local::File { name: text.to_owned(), stamp: (&stat).into() })
                }
                Ok(_) => unknown(name, &"it was replaced by something that is no file", true),
                // Another run has finished it.
                Err(Errno::NOENT) if is_temporary(OsStr::from_bytes(&entry.name)) => None,
                Err(error) => unknown(name.clone(), &at(&self.path(&name), "cannot look at", error), true),
            },
            Kind::Directory if self.filter.leaves_out_all_of(text.trim_end_matches('/')) => {
                Some(Local::Unknown { name, reason: None })
            }
            Kind::Directory => match self.enter(&entry.name, &name) {
                Ok(()) => None,
                Err(Refused::Circle) => unknown(name, &"it leads back to a directory above it", false),
                Err(Refused::Failed(error)) => unknown(name, &error, true),
            },
        }
    }

    fn stat(&self, name: &[u8]) -> Result<Stat, Errno> {
        let level = self.levels.last().ok_or(Errno::NOENT)?;
        statat(&level.directory, name, self.flags())
    }

    fn enter(&mut self, own: &[u8], name: &[u8]) -> Result<(), Refused> {
        let failed =
            |walk: &Self, error| Refused::Failed(at(&walk.path(name), "cannot read directory", error));
        let Some(level) = self.levels.last() else { return Ok(()) };
        let mut flags = directory_flags();
        flags.set(OFlags::NOFOLLOW, self.links == Links::Skip);
        let own = own.strip_suffix(b"/").unwrap_or(own);
        let directory =
            openat(&level.directory, own, flags, Mode::empty()).map_err(|error| failed(self, error))?;
        let below = self.level(directory, name.to_owned()).map_err(|error| failed(self, error))?;
        if self.levels.iter().any(|above| above.identity == below.identity) {
            return Err(Refused::Circle);
        }
        self.levels.push(below);
        Ok(())
    }

    fn path(&self, name: &[u8]) -> PathBuf {
        self.root.join(OsStr::from_bytes(name))
    }
}

impl Iterator for Walk<'_> {
    type Item = io::Result<Local>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(level) = self.levels.last_mut() {
            if self.interrupt.is_raised() {
                self.levels.clear();
                return Some(Err(io::ErrorKind::Interrupted.into()));
            }
            match level.entries.pop() {
                None => {
                    self.levels.pop();
                }
                Some(entry) => {
                    if let Some(local) = self.visit(&entry) {
                        return Some(Ok(local));
                    }
                }
            }
        }
        None
    }
}

/// Why a directory is not walked.
enum Refused {
    Circle,
    Failed(io::Error),
}

const DANGLING: &str = "a link that leads nowhere";

fn word(kind: FileType) -> &'static str {
    match kind {
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        _ => "no file",
    }
}

fn directory_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
}

#[expect(clippy::unnecessary_cast, reason = "the types differ between machines")]
fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev as u64, stat.st_ino as u64)
}

fn at(path: &Path, intent: &str, error: Errno) -> io::Error {
    let error = io::Error::from(error);
    io::Error::new(error.kind(), format!("{intent} {}: {error}", escape::display(path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn names(root: &Path, links: Links, filter: &Filter) -> Vec<String> {
        let interrupt = Interrupt::new();
        let walk = Walk::new(root, links, filter, &interrupt).unwrap().map(Result::unwrap);
        let show = |local: Local| match local {
            Local::File { name, stamp } => format!("{name} {}", stamp.size),
            Local::Unknown { name, reason } => {
                let reason = reason.map(|reason| reason.text).unwrap_or_default();
                format!("{} ? {reason}", escape::display_bytes(&name))
            }
        };
        walk.map(show).collect()
    }

    fn write(root: &Path, names: &[&str]) {
        for name in names {
            let path = root.join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, name).unwrap();
        }
    }

    #[test]
    fn the_order_is_that_of_keys_and_not_of_directories() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &["a-b", "a/x-", "a/x/y", "a0", "b/\u{e9}", "b/e"]);
        let found = names(root.path(), Links::Follow, &Filter::default());
        assert_eq!(found, ["a-b 3", "a/x- 4", "a/x/y 5", "a0 2", "b/e 3", "b/\u{e9} 4"]);
    }

    #[test]
    fn links_stand_for_what_they_lead_to_and_never_in_circles() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &["dir/file"]);
        symlink("dir/file", root.path().join("to-file")).unwrap();
        symlink("dir", root.path().join("to-dir")).unwrap();
        symlink(".", root.path().join("dir/loop")).unwrap();
        symlink("nowhere", root.path().join("gone")).unwrap();
        let found = names(root.path(), Links::Follow, &Filter::default());
        assert_eq!(
            found,
            [
                "dir/file 8",
                "dir/loop/ ? it leads back to a directory above it",
                "gone ? it is a link that leads nowhere",
                "gone/ ? ",
                "to-dir/file 8",
                "to-dir/loop/ ? it leads back to a directory above it",
                "to-file 8",
            ]
        );
        let found = names(root.path(), Links::Skip, &Filter::default());
        assert_eq!(found[0], "dir/file 8");
        assert!(found[1..].iter().all(|line| line.ends_with("? it is a symbolic link")), "{found:?}");
    }

    #[test]
    fn what_is_no_file_or_has_no_key_is_unknown_and_said() {
        let root = tempfile::tempdir().unwrap();
        let odd = root.path().join(OsStr::from_bytes(b"caf\xe9"));
        fs_err::write(odd, "").unwrap();
        drop(std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap());
        write(root.path(), &["skip/x", "take"]);
        let filter = Filter::new(&[], &["skip".to_owned()]).unwrap();
        assert_eq!(
            names(root.path(), Links::Follow, &filter),
            [
                "caf\\xe9 ? its name is not UTF-8, and keys of objects have to be",
                "skip/ ? ",
                "socket ? it is a socket",
                "take 4",
            ]
        );
    }

    #[test]
    fn a_directory_that_is_none_is_an_error_with_its_name() {
        let filter = Filter::default();
        let Err(error) = Walk::new(Path::new("/nonexistent"), Links::Follow, &filter, &Interrupt::new())
        else {
            panic!("it was read");
        };
        assert!(error.to_string().contains("/nonexistent"), "{error}");
    }
}

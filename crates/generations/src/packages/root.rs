//! The system whose packages are looked at: normally `/`, in tests and rescue systems any directory.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::PackagesError;

/// A directory that holds a system.
#[derive(Debug, Clone)]
pub(super) struct Root(PathBuf);

impl Root {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Whether it is the system that we run on.
    pub(super) fn is_running(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// Where `inside` (without a slash at its beginning) is on this machine.
    pub(super) fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        self.0.join(inside)
    }

    /// The content of a file; nothing when it is not there.
    pub(super) fn read(&self, inside: impl AsRef<Path>) -> Result<Option<Vec<u8>>, PackagesError> {
        present(fs_err::read(self.path(inside)))
    }

    /// An open file; nothing when it is not there.
    pub(super) fn open(&self, inside: impl AsRef<Path>) -> Result<Option<std::fs::File>, PackagesError> {
        present(fs_err::File::open(self.path(inside)).map(fs_err::File::into_file))
    }

    /// Where a link leads; nothing when there is none.
    pub(super) fn link(&self, inside: impl AsRef<Path>) -> Result<Option<PathBuf>, PackagesError> {
        match fs_err::read_link(self.path(inside)) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(None),
            read => present(read),
        }
    }

    /// The names in a directory in order; none when it is not there.
    pub(super) fn names(&self, inside: impl AsRef<Path>) -> Result<Vec<OsString>, PackagesError> {
        let Some(entries) = present(fs_err::read_dir(self.path(inside)))? else { return Ok(Vec::new()) };
        let names: io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.file_name())).collect();
        let mut names = names.map_err(PackagesError::Io)?;
        names.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        Ok(names)
    }

    /// What tells whether one of `places` changed.
    pub(super) fn stamp(&self, places: &[PathBuf]) -> Vec<Option<Stamp>> {
        let stamp = |place: &PathBuf| {
            let found = fs_err::symlink_metadata(self.path(place)).ok()?;
            Some(Stamp {
                inode: found.ino(),
                size: found.size(),
                modified: (found.mtime(), found.mtime_nsec()),
                changed: (found.ctime(), found.ctime_nsec()),
            })
        };
        places.iter().map(stamp).collect()
    }
}

/// What changes with a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

fn present<T>(result: io::Result<T>) -> Result<Option<T>, PackagesError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(PackagesError::Io(error)),
    }
}

/// Finds where a path of a package really is: packages say `/bin/sh` where `/bin` is a link to `/usr/bin`. Links lead where
/// they would if the root were the root.
#[derive(Debug)]
pub(super) struct Resolver {
    /// The path of the root without a slash at its end.
    prefix: Vec<u8>,
    /// Directories, by how they were spelled, without a slash at the end; the root is empty.
    directories: HashMap<Vec<u8>, Arc<[u8]>>,
    /// The one that was asked for last, which is mostly the next one, too.
    last: (Vec<u8>, Arc<[u8]>),
}

/// Through how many links a path may lead, as in the kernel.
const MOST_LINKS: usize = 40;

impl Resolver {
    pub(super) fn new(root: &Root) -> Self {
        let prefix = root.0.as_os_str().as_bytes();
        let prefix = prefix.strip_suffix(b"/").unwrap_or(prefix).to_vec();
        Self { prefix, directories: HashMap::new(), last: (Vec::new(), Arc::default()) }
    }

    /// Appends the place of `path`, which begins with a slash, to `place`. The last component is not resolved.
    pub(super) fn resolve(&mut self, path: &[u8], place: &mut Vec<u8>) {
        let (parent, name) = split(path);
        place.extend_from_slice(&self.prefix);
        if self.last.0 != parent {
            let directory = self.directory(parent, MOST_LINKS);
            self.last = (parent.to_vec(), directory);
        }
        place.extend_from_slice(&self.last.1);
        place.push(b'/');
        place.extend_from_slice(name);
    }

    fn directory(&mut self, path: &[u8], links: usize) -> Arc<[u8]> {
        if let Some(known) = self.directories.get(path) {
            return Arc::clone(known);
        }
        let resolved = match split(path) {
            (_, b"" | b".") if path.is_empty() => Arc::default(),
            (parent, b"" | b".") => self.directory(parent, links),
            (parent, b"..") => {
                let directory = self.directory(parent, links);
                Arc::from(split(&directory).0)
            }
            (parent, name) => {
                let parent = self.directory(parent, links);
                self.follow(&parent, name, links)
            }
        };
        self.directories.insert(path.to_vec(), Arc::clone(&resolved));
        resolved
    }

    /// The directory `name` in the resolved directory `parent`.
    fn follow(&mut self, parent: &[u8], name: &[u8], links: usize) -> Arc<[u8]> {
        let path = [parent, b"/", name].concat();
        let real = OsString::from_vec([&self.prefix, path.as_slice()].concat());
        match rustix::fs::readlink(real, Vec::new()) {
            Ok(target) if links > 0 => {
                let target = target.into_bytes();
                let target = match target.strip_prefix(b"/") {
                    Some(absolute) => [b"/", absolute].concat(),
                    None => [parent, b"/", &target].concat(),
                };
                self.directory(target.strip_suffix(b"/").unwrap_or(&target), links - 1)
            }
            // No link, or nothing there.
            _ => path.into(),
        }
    }
}

/// A path's directory, without the slash, and its last component.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// The users and groups of a root by name.
#[derive(Debug)]
pub(super) struct Names {
    users: HashMap<Vec<u8>, u32>,
    groups: HashMap<Vec<u8>, u32>,
}

impl Names {
    pub(super) fn read(root: &Root) -> Result<Self, PackagesError> {
        let table = |file: &str| -> Result<_, PackagesError> {
            let text = root.read(file)?.unwrap_or_default();
            Ok(text.split(|&byte| byte == b'\n').filter_map(name_and_number).collect())
        };
        Ok(Self { users: table("etc/passwd")?, groups: table("etc/group")? })
    }

    /// The id of a user, given by name.
    pub(super) fn user(&self, name: &[u8]) -> Option<u32> {
        number(&self.users, name)
    }

    /// The id of a group, given by name.
    pub(super) fn group(&self, name: &[u8]) -> Option<u32> {
        number(&self.groups, name)
    }
}

fn number(table: &HashMap<Vec<u8>, u32>, name: &[u8]) -> Option<u32> {
    if name == b"root" { Some(0) } else { table.get(name).copied() }
}

/// Both files begin `name:password:number:`.
fn name_and_number(line: &[u8]) -> Option<(Vec<u8>, u32)> {
    let mut fields = line.split(|&byte| byte == b':');
    let name = fields.next()?;
    let number = OsStr::from_bytes(fields.nth(1)?).to_str()?.parse().ok()?;
    Some((name.to_vec(), number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn directories_are_resolved_as_if_the_root_were_the_root_and_last_components_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        fs_err::create_dir_all(root.path("usr/lib/x86")).unwrap();
        fs_err::create_dir_all(root.path("opt")).unwrap();
        symlink("usr/lib", root.path("lib")).unwrap();
        symlink("/usr/lib/", root.path("opt/absolute")).unwrap();
        symlink("../../../../opt/./absolute", root.path("usr/lib/up")).unwrap();
        symlink("loop", root.path("opt/loop")).unwrap();
        symlink("x86", root.path("usr/lib/last")).unwrap();
        let mut resolver = Resolver::new(&root);
        let mut place = |path: &str| {
            let mut place = Vec::new();
            resolver.resolve(path.as_bytes(), &mut place);
            let inside = place.strip_prefix(directory.path().as_os_str().as_bytes()).unwrap();
            String::from_utf8(inside.to_vec()).unwrap()
        };
        assert_eq!(place("/lib/a"), "/usr/lib/a");
        assert_eq!(place("/lib"), "/lib");
        assert_eq!(place("/opt/absolute/x86/a"), "/usr/lib/x86/a");
        assert_eq!(place("/lib/up/a"), "/usr/lib/a");
        assert_eq!(place("/lib/last"), "/usr/lib/last");
        assert_eq!(place("/lib/last/a"), "/usr/lib/x86/a");
        assert_eq!(place("/not/there/a"), "/not/there/a");
        assert_eq!(place("/opt/../lib//a"), "/usr/lib/a");
        assert!(place("/opt/loop/a").ends_with("/a"));
    }

    #[test]
    fn users_and_groups_are_those_of_the_root() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert_eq!(Names::read(&root).unwrap().user(b"root"), Some(0));
        fs_err::create_dir(root.path("etc")).unwrap();
        fs_err::write(root.path("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nbroken\na:x:7:8::/:\n")
            .unwrap();
        fs_err::write(root.path("etc/group"), "root:x:0:\nshadow:x:42:\n").unwrap();
        let names = Names::read(&root).unwrap();
        assert_eq!((names.user(b"a"), names.user(b"broken")), (Some(7), None));
        assert_eq!((names.group(b"shadow"), names.group(b"a")), (Some(42), None));
    }
}

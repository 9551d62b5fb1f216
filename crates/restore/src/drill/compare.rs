//! What is on the disk, compared with what manifests and archives say.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use redcedar_archive::Kind;
use redcedar_archive::manifest::Entry;
use redcedar_system::{Interrupt, Interrupted, account, escape};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, major, minor, openat, readlinkat, statat};
use sha2::{Digest, Sha256};

use crate::plan::{Object, Plan};
use crate::target::{Target, Walker};

/// A comparison.
pub(super) struct Comparison<'a> {
    walker: Walker<'a>,
    /// What is known to be missing or wrong.
    known: &'a HashSet<&'a Path>,
    interrupt: &'a Interrupt,
    is_root: bool,
    buffer: Vec<u8>,
    /// A line each.
    pub(super) differences: Vec<String>,
    /// Files whose content could not be compared.
    pub(super) without_digest: u64,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(target: &'a Target, known: &'a HashSet<&'a Path>, interrupt: &'a Interrupt) -> Self {
        Self {
            walker: Walker::new(target),
            known,
            interrupt,
            is_root: account::is_root(),
            buffer: vec![0; 1 << 18],
            differences: Vec::new(),
            without_digest: 0,
        }
    }

    /// Compares everything that was to be written.
    pub(super) fn plan(&mut self, plan: &Plan<'_>) -> Result<(), Interrupted> {
        let members = plan.members.iter().flatten().map(|member| member.object);
        let members = members.filter(|object| object.node.entry.kind != Kind::Directory);
        for object in plan.directories.iter().copied().chain(members) {
            self.object(&object)?;
        }
        for (object, first) in &plan.links {
            if self.object(object)? && !self.is_same_file(object.path, first) {
                self.differ(object.path, &format!("it is no further name of {}", escape::display(first)));
            }
        }
        Ok(())
    }

    fn differ(&mut self, path: &Path, what: &str) {
        self.differences.push(format!("{}: {what}", escape::display(path)));
    }

    /// Says whether there was nothing to be said about it.
    fn object(&mut self, object: &Object<'_>) -> Result<bool, Interrupted> {
        self.interrupt.check()?;
        if self.known.contains(object.path) {
            return Ok(false);
        }
        match self.look(object) {
            Ok(differences) => {
                for what in &differences {
                    self.differ(object.path, what);
                }
                Ok(differences.is_empty())
            }
            Err(error) => {
                self.interrupt.check()?;
                self.differ(object.path, &format!("cannot look at it: {error}"));
                Ok(false)
            }
        }
    }

    fn look(&mut self, object: &Object<'_>) -> io::Result<Vec<String>> {
        let entry = &object.node.entry;
        let (parent, name) = split(object.path);
        let directory = self.walker.find(parent)?;
        // The target itself has no name.
        let stat = if name.is_empty() {
            statat(directory, "", AtFlags::EMPTY_PATH)?
        } else {
            statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?
        };
        let mut differences = aspects(&stat, entry, self.is_root);
        if entry.kind == Kind::Symlink && differences.is_empty() {
            let link = readlinkat(directory, name, Vec::new())?;
            if Some(link.as_bytes()) != entry.link.as_deref().map(|link| link.as_os_str().as_bytes()) {
                differences.push("it leads elsewhere".to_owned());
            }
        }
        if entry.kind == Kind::File && differences.is_empty() {
            match entry.sha256 {
                None => self.without_digest += 1,
                Some(expected) => {
                    if digest(directory, name, &mut self.buffer, self.interrupt)? != expected {
                        differences.push("its SHA-256 is another one".to_owned());
                    }
                }
            }
        }
        Ok(differences)
    }

    fn is_same_file(&mut self, path: &Path, first: &Path) -> bool {
        let mut inode = |path| {
            let (parent, name) = split(path);
            let directory = self.walker.find(parent).ok()?;
            let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            Some((stat.st_dev, stat.st_ino))
        };
        let ours = inode(path);
        ours.is_some() && ours == inode(first)
    }
}

fn split(path: &Path) -> (&Path, &OsStr) {
    let path = crate::path::relative(path);
    (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default())
}

/// In which respects it is not what it should be.
fn aspects(stat: &Stat, entry: &Entry, is_root: bool) -> Vec<String> {
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind != kind_of(entry.kind) {
        return vec![format!("it should be another kind of thing than {kind:?}")];
    }
    let mode = stat.st_mode & 0o7777;
    // Not everybody may set all of it.
    let expected_mode = if is_root { entry.mode & 0o7777 } else { entry.mode & 0o1777 };
    let same_time = stat.st_mtime == entry.modified.seconds
        && (entry.modified.nanoseconds == 0 || stat.st_mtime_nsec == u64::from(entry.modified.nanoseconds));
    let device = (major(stat.st_rdev), minor(stat.st_rdev));
    let is_device = matches!(entry.kind, Kind::Character | Kind::Block);
    let size = u64::try_from(stat.st_size).unwrap_or_default();
    [
        (entry.kind == Kind::File && size != entry.size)
            .then(|| format!("it has {size} bytes instead of {}", entry.size)),
        (entry.kind != Kind::Symlink && mode != expected_mode)
            .then(|| format!("its mode is {mode:04o} instead of {expected_mode:04o}")),
        (is_root && (stat.st_uid, stat.st_gid) != (entry.uid, entry.gid)).then(|| {
            format!("it belongs to {}:{} instead of {}:{}", stat.st_uid, stat.st_gid, entry.uid, entry.gid)
        }),
        (!same_time).then(|| "its time is another one".to_owned()),
        (is_device && Some(device) != entry.rdev).then(|| "it is another device".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn kind_of(kind: Kind) -> FileType {
    match kind {
        Kind::File => FileType::RegularFile,
        Kind::Directory => FileType::Directory,
        Kind::Symlink => FileType::Symlink,
        Kind::Fifo => FileType::Fifo,
        Kind::Socket => FileType::Socket,
        Kind::Character => FileType::CharacterDevice,
        Kind::Block => FileType::BlockDevice,
    }
}

fn digest(
    directory: BorrowedFd<'_>,
    name: &OsStr,
    buffer: &mut [u8],
    interrupt: &Interrupt,
) -> io::Result<[u8; 32]> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = File::from(openat(directory.as_fd(), name, flags, Mode::empty())?);
    let mut digest = Sha256::new();
    loop {
        interrupt.check().map_err(io::Error::other)?;
        match file.read(buffer)? {
            0 => return Ok(digest.finalize().into()),
            read => digest.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Member;
    use crate::tree::{Content, Node};
    use redcedar_archive::Metadata;
    use redcedar_system::Accounts;
    use std::os::unix::fs::PermissionsExt;

    /// What is different after `change`, of a file with the content `content`.
    fn after(change: impl Fn(&Path)) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("x");
        fs_err::write(&file, "content").unwrap();
        fs_err::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        let (cwd, flags) = (rustix::fs::CWD, AtFlags::SYMLINK_NOFOLLOW);
        let statx = rustix::fs::statx(cwd, &file, flags, rustix::fs::StatxFlags::BASIC_STATS).unwrap();
        let metadata = Metadata::from_statx(&statx).unwrap();
        let mut entry = Entry::of(&file, &metadata, &Accounts::new());
        entry.sha256 = Some(Sha256::digest("content").into());
        let content = Content { layer: 0, offset: 0, available: None };
        let node = Node { entry, layer: 0, content: Some(content) };
        let object = Object { path: Path::new("/x"), node: &node };
        let plan = Plan { members: vec![vec![Member { object, content }]], ..Plan::default() };
        change(&file);
        let (target, known, interrupt) =
            (Target::open(directory.path()).unwrap(), HashSet::new(), Interrupt::new());
        let mut comparison = Comparison::new(&target, &known, &interrupt);
        comparison.plan(&plan).unwrap();
        comparison.differences
    }

    fn rewrite(file: &Path, content: &str) {
        let time = fs_err::metadata(file).unwrap().modified().unwrap();
        fs_err::write(file, content).unwrap();
        fs_err::File::options().write(true).open(file).unwrap().set_modified(time).unwrap();
    }

    #[test]
    fn every_difference_is_seen() {
        assert_eq!(after(|_| {}), [""; 0]);
        assert_eq!(after(|file| rewrite(file, "CONTENT")), ["/x: its SHA-256 is another one"]);
        assert_eq!(after(|file| rewrite(file, "more content")), ["/x: it has 12 bytes instead of 7"]);
        let mode = |file: &Path| fs_err::set_permissions(file, PermissionsExt::from_mode(0o604)).unwrap();
        assert_eq!(after(mode), ["/x: its mode is 0604 instead of 0640"]);
        let gone = after(|file| fs_err::remove_file(file).unwrap());
        assert!(gone[0].starts_with("/x: cannot look at it: "), "{gone:?}");
        let kind = after(|file| {
            fs_err::remove_file(file).unwrap();
            fs_err::create_dir(file).unwrap();
        });
        assert_eq!(kind, ["/x: it should be another kind of thing than Directory"]);
        let time = after(|file| {
            let then = std::time::SystemTime::UNIX_EPOCH;
            fs_err::File::options().write(true).open(file).unwrap().set_modified(then).unwrap();
        });
        assert_eq!(time, ["/x: its time is another one"]);
    }
}

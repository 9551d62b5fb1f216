//! Making one object of a tree.

use super::{Growth, name, reach};
use crate::program;
use crate::rng::Rng;
use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps};
use std::fs::Permissions;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What can be in a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file with text, or with bytes that do not compress.
    File,
    /// A file of no bytes.
    EmptyFile,
    /// A file with holes.
    Sparse,
    /// A directory.
    Directory,
    /// A directory with a name of 255 bytes and a file below it at a path of more than 1,000 bytes.
    Deep,
    /// A file of every awkward name.
    AwkwardNames,
    /// Another name for a file.
    HardLink,
    /// A link to a file, relative.
    LinkToFile,
    /// A link to a directory, absolute or relative.
    LinkToDirectory,
    /// A link to a link.
    LinkToLink,
    /// A link to nothing, with a target longer than a tar header's field.
    Dangling,
    /// A link to itself or to a directory above it.
    Loop,
    /// A FIFO.
    Fifo,
    /// A socket.
    Socket,
    /// A device node, if we may make one.
    Device,
    /// A file with extended attributes, if the file system has them.
    Attributes,
}

impl Kind {
    /// Each once.
    pub const ALL: &[Self] = &[
        Self::File,
        Self::Directory,
        Self::EmptyFile,
        Self::Sparse,
        Self::Deep,
        Self::AwkwardNames,
        Self::HardLink,
        Self::LinkToFile,
        Self::LinkToDirectory,
        Self::LinkToLink,
        Self::Dangling,
        Self::Loop,
        Self::Fifo,
        Self::Socket,
        Self::Device,
        Self::Attributes,
    ];
    /// Each as often as it should come up.
    pub(super) const BY_CHANCE: &[Self] = &[
        Self::File,
        Self::File,
        Self::File,
        Self::File,
        Self::File,
        Self::File,
        Self::EmptyFile,
        Self::Sparse,
        Self::Directory,
        Self::Directory,
        Self::Directory,
        Self::HardLink,
        Self::LinkToFile,
        Self::LinkToDirectory,
        Self::LinkToLink,
        Self::Dangling,
        Self::Loop,
        Self::Fifo,
        Self::Attributes,
    ];
}

/// Knows what is there already, to choose parents and targets from it.
pub(super) struct Planter<'a> {
    growth: &'a Growth,
    directories: Vec<PathBuf>,
    files: Vec<PathBuf>,
    links: Vec<PathBuf>,
    number: usize,
}

impl<'a> Planter<'a> {
    pub(super) fn new(root: &Path, growth: &'a Growth) -> Self {
        Self {
            growth,
            directories: vec![root.to_path_buf()],
            files: Vec::new(),
            links: Vec::new(),
            number: 0,
        }
    }

    /// For a tree that is there already. Names of what is planted begin at `number`.
    pub(super) fn resume(paths: &[PathBuf], growth: &'a Growth, number: usize) -> io::Result<Self> {
        let mut planter =
            Self { growth, directories: Vec::new(), files: Vec::new(), links: Vec::new(), number };
        for path in paths {
            let kind = fs_err::symlink_metadata(path)?.file_type();
            if kind.is_dir() {
                planter.directories.push(path.clone());
            } else if kind.is_file() {
                planter.files.push(path.clone());
            } else if kind.is_symlink() {
                planter.links.push(path.clone());
            }
        }
        Ok(planter)
    }

    /// Makes one object of `kind` somewhere. Does nothing where it needs what is not there, or is not wanted.
    pub(super) fn plant(&mut self, rng: &mut Rng, kind: Kind) -> io::Result<()> {
        let parent = rng.pick(&self.directories);
        let path = self.fresh(rng, &parent);
        match kind {
            Kind::File => {
                let content = content(rng, self.growth.largest);
                self.file(rng, path, &content)
            }
            Kind::EmptyFile => self.file(rng, path, b""),
            Kind::Sparse => self.sparse(rng, path),
            Kind::Directory => {
                fs_err::create_dir(&path)?;
                self.finish(rng, &path, &[0o755, 0o700, 0o750, 0o1777, 0o2775])?;
                self.directories.push(path);
                Ok(())
            }
            Kind::Deep => self.deep(rng, parent),
            Kind::AwkwardNames => self.awkward_names(rng, &path),
            Kind::HardLink => self.hard_link(rng, path),
            Kind::LinkToFile if !self.files.is_empty() => {
                let target = rng.pick(&self.files);
                self.link(rng, path, &relative(&parent, &target))
            }
            Kind::LinkToDirectory => {
                let target = rng.pick(&self.directories);
                let target = if rng.one_in(2) { target } else { relative(&parent, &target) };
                self.link_without_loop(rng, &parent, path, &target)
            }
            Kind::LinkToLink if !self.links.is_empty() => {
                let target = rng.pick(&self.links);
                self.link_without_loop(rng, &parent, path, &relative(&parent, &target))
            }
            Kind::Dangling => {
                let target = if rng.one_in(2) {
                    "nowhere".into()
                } else {
                    format!("/nonexistent/{}", "t/".repeat(80))
                };
                self.link(rng, path, Path::new(&target))
            }
            Kind::Loop if self.growth.loops => {
                let itself = path.clone();
                let target = if rng.one_in(2) { Path::new(rng.pick(&[".", "..", "./."])) } else { &itself };
                self.link(rng, path, target)
            }
            Kind::Fifo if self.growth.specials => self.node(rng, &path, FileType::Fifo, 0),
            Kind::Socket if self.growth.specials => self.node(rng, &path, FileType::Socket, 0),
            Kind::Device if self.growth.specials && program::is_root() => {
                match self.node(rng, &path, FileType::CharacterDevice, rustix::fs::makedev(1, 3)) {
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
                    other => other,
                }
            }
            Kind::Attributes => self.attributes(rng, path),
            Kind::LinkToFile | Kind::LinkToLink | Kind::Loop | Kind::Fifo | Kind::Socket | Kind::Device => {
                Ok(())
            }
        }
    }

    fn fresh(&mut self, rng: &mut Rng, parent: &Path) -> PathBuf {
        self.number += 1;
        if rng.one_in(12) && self.growth.long_names {
            return parent.join(name::longest(rng, self.number));
        }
        parent.join(name::name(rng, self.growth, self.number))
    }

    fn file(&mut self, rng: &mut Rng, path: PathBuf, content: &[u8]) -> io::Result<()> {
        fs_err::write(&path, content)?;
        self.finish(rng, &path, &[0o644, 0o600, 0o755, 0o444, 0o640, 0o400, 0o4755, 0o000])?;
        self.files.push(path);
        Ok(())
    }

    fn sparse(&mut self, rng: &mut Rng, path: PathBuf) -> io::Result<()> {
        let mut file = fs_err::File::create_new(&path)?;
        for _ in 0..rng.below(4) {
            let start = rng.below(8) * 256 * 1024;
            file.seek(SeekFrom::Start(start))?;
            file.write_all(&rng.text(5_000))?;
        }
        file.set_len(2_500_000 + rng.below(100_000))?;
        self.finish(rng, &path, &[0o644])?;
        self.files.push(path);
        Ok(())
    }

    fn deep(&mut self, rng: &mut Rng, parent: PathBuf) -> io::Result<()> {
        let mut path = parent;
        // Below 3,000 bytes, so that a copy elsewhere still has room up to the 4,096 of a system call.
        let already = path.as_os_str().len();
        if already > 1_600 || !self.growth.long_names {
            return Ok(());
        }
        while path.as_os_str().len() < already + 1_000 {
            self.number += 1;
            path.push(name::longest(rng, self.number));
            fs_err::create_dir(&path)?;
            self.directories.push(path.clone());
        }
        let file = path.join("at the bottom");
        self.file(rng, file, b"deep")
    }

    fn awkward_names(&mut self, rng: &mut Rng, path: &Path) -> io::Result<()> {
        fs_err::create_dir(path)?;
        self.directories.push(path.to_path_buf());
        for name in name::awkward(self.growth) {
            let content = content(rng, 2_000);
            self.file(rng, path.join(name), &content)?;
        }
        Ok(())
    }

    fn hard_link(&mut self, rng: &mut Rng, path: PathBuf) -> io::Result<()> {
        if !self.files.is_empty() {
            let existing = rng.pick(&self.files);
            fs_err::hard_link(existing, &path)?;
            self.files.push(path);
        }
        Ok(())
    }

    /// A link, unless it makes a loop and none is wanted.
    fn link_without_loop(
        &mut self,
        rng: &mut Rng,
        parent: &Path,
        path: PathBuf,
        target: &Path,
    ) -> io::Result<()> {
        if !self.growth.loops && reach::would_loop(parent, target)? {
            return Ok(());
        }
        self.link(rng, path, target)
    }

    fn link(&mut self, rng: &mut Rng, path: PathBuf, target: &Path) -> io::Result<()> {
        fs_err::os::unix::fs::symlink(target, &path)?;
        if self.growth.owners && program::is_root() {
            set_random_owner(&path, rng)?;
        }
        set_random_mtime(&path, rng)?;
        self.links.push(path);
        Ok(())
    }

    fn node(&mut self, rng: &mut Rng, path: &Path, kind: FileType, device: u64) -> io::Result<()> {
        rustix::fs::mknodat(CWD, path, kind, Mode::from_raw_mode(0o640), device)?;
        self.finish(rng, path, &[0o640, 0o622])
    }

    fn attributes(&mut self, rng: &mut Rng, path: PathBuf) -> io::Result<()> {
        let content = content(rng, 2_000);
        fs_err::write(&path, content)?;
        for (name, value) in
            [("user.comment", b"text".as_slice()), ("user.binary", b"\0\xff\n=\0"), ("user.empty", b"")]
        {
            if xattr::SUPPORTED_PLATFORM && xattr::set(&path, name, value).is_err() {
                // The file system has none: a plain file, then.
                break;
            }
        }
        self.finish(rng, &path, &[0o644])?;
        self.files.push(path);
        Ok(())
    }

    /// Owner, mode, then time, in the order in which none undoes the one before.
    fn finish(&self, rng: &mut Rng, path: &Path, modes: &[u32]) -> io::Result<()> {
        if self.growth.owners && program::is_root() {
            set_random_owner(path, rng)?;
        }
        fs_err::set_permissions(path, Permissions::from_mode(rng.pick(modes)))?;
        set_random_mtime(path, rng)
    }
}

/// Text or noise, of a size that is small most of the time.
pub(super) fn content(rng: &mut Rng, largest: u64) -> Vec<u8> {
    let bits = rng.below(u64::from(largest.ilog2()) + 1);
    let len = usize::try_from(rng.below(1 << (bits + 1)).min(largest)).expect("test files fit into memory");
    if rng.one_in(3) { rng.bytes(len) } else { rng.text(len) }
}

pub(super) fn set_random_owner(path: &Path, rng: &mut Rng) -> io::Result<()> {
    // 54,321 has no name; 3,000,000 does not fit into the octal field of a tar header.
    const OWNERS: [u32; 6] = [0, 0, 1, 65_534, 54_321, 3_000_000];
    fs_err::os::unix::fs::lchown(path, Some(rng.pick(&OWNERS)), Some(rng.pick(&OWNERS)))
}

pub(super) fn set_random_mtime(path: &Path, rng: &mut Rng) -> io::Result<()> {
    let seconds = match rng.below(8) {
        0 => -86_400 * 365,
        1 => -1,
        2 => 0,
        // Past the year 2242, where the octal field of a tar header ends.
        3 => 8_589_934_592 + 5,
        _ => 1_600_000_000 + i64::try_from(rng.below(100_000_000)).expect("a small number"),
    };
    let nanoseconds =
        if rng.one_in(3) { 0 } else { i64::try_from(rng.below(1_000_000_000)).expect("a small number") };
    set_mtime(path, seconds, nanoseconds)
}

/// Sets the modification time of `path` itself, also if it is a link.
pub(super) fn set_mtime(path: &Path, seconds: i64, nanoseconds: i64) -> io::Result<()> {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times =
        Timestamps { last_access: Timespec { tv_sec: 1_600_000_000, tv_nsec: 0 }, last_modification: time };
    Ok(rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// `target` as seen from `directory`; both are absolute.
fn relative(directory: &Path, target: &Path) -> PathBuf {
    let common = directory.components().zip(target.components()).take_while(|(a, b)| a == b).count();
    let up = directory.components().skip(common).map(|_| std::path::Component::ParentDir);
    let path: PathBuf = up.chain(target.components().skip(common)).collect();
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
}

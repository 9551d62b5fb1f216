//! Exact comparison of trees.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// What a tree was like at one moment: everything but access times and change times. Compares without the tree being
/// there any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// By path relative to the root, which is itself the empty path.
    pub objects: BTreeMap<Vec<u8>, Object>,
}

/// One object of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Permission bits, set-id and sticky included.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Modification time, seconds and nanoseconds.
    pub mtime: (i64, i64),
    /// For a file with several names, the first of them in the tree.
    pub first_name: Option<Vec<u8>>,
    /// Extended attributes, sorted.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What an object is, with what it holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Kind {
    /// A file: size and SHA-256.
    File(u64, [u8; 32]),
    /// A directory.
    Directory,
    /// A link and its target.
    Link(Vec<u8>),
    /// A FIFO.
    Fifo,
    /// A socket.
    Socket,
    /// A block (`true`) or character device and its number.
    Device(bool, u64),
}

impl Snapshot {
    /// Looks at everything at and below `root`.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn take(root: &Path) -> io::Result<Self> {
        let mut first_names = BTreeMap::new();
        let mut objects = BTreeMap::new();
        for path in crate::trees::walk(root)? {
            let metadata = fs_err::symlink_metadata(&path)?;
            let relative = path.strip_prefix(root).expect("the walk stays below its root");
            let relative = relative.as_os_str().as_bytes().to_vec();
            let first_name = (metadata.nlink() > 1 && !metadata.is_dir()).then(|| {
                first_names
                    .entry((metadata.dev(), metadata.ino()))
                    .or_insert_with(|| relative.clone())
                    .clone()
            });
            let object = Object {
                kind: kind(&path, &metadata)?,
                mode: metadata.mode() & 0o7777,
                uid: metadata.uid(),
                gid: metadata.gid(),
                mtime: (metadata.mtime(), metadata.mtime_nsec()),
                first_name,
                attributes: attributes(&path)?,
            };
            objects.insert(relative, object);
        }
        Ok(Self { objects })
    }

    /// What is left when the objects that `keep` refuses are gone.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&[u8], &Object) -> bool) -> Self {
        let kept = self.objects.iter().filter(|(path, object)| keep(path, object));
        Self { objects: kept.map(|(path, object)| (path.clone(), object.clone())).collect() }
    }

    /// The same tree as it looks to somebody who does not see what `forget` changes.
    #[must_use]
    pub fn simplified(mut self, forget: impl Fn(&mut Object)) -> Self {
        self.objects.values_mut().for_each(forget);
        self
    }

    /// In what `found` is not like `self`, one line for each difference; empty if they are equal.
    pub fn differences(&self, found: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for (path, wanted) in &self.objects {
            match found.objects.get(path) {
                None => lines.push(format!("missing: {} ({:?})", short(path), wanted.kind)),
                Some(object) => wanted.describe_differences(object, path, &mut lines),
            }
        }
        for (path, object) in &found.objects {
            if !self.objects.contains_key(path) {
                lines.push(format!("not wanted: {} ({:?})", short(path), object.kind));
            }
        }
        lines
    }

    /// Fails the test, with all differences, if `found` is not like `self`.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn assert_same(&self, found: &Self, context: impl FnOnce() -> String) {
        let lines = self.differences(found);
        assert!(lines.is_empty(), "{} differences\n{}\n{}", lines.len(), lines.join("\n"), context());
    }
}

impl Object {
    fn describe_differences(&self, found: &Self, path: &[u8], lines: &mut Vec<String>) {
        let mut compare = |what: &str, wanted: &dyn Debug, found: &dyn Debug| {
            let (wanted, found) = (format!("{wanted:?}"), format!("{found:?}"));
            if wanted != found {
                lines.push(format!("{}: {what} is {found}, should be {wanted}", short(path)));
            }
        };
        compare("kind", &self.kind, &found.kind);
        compare("mode", &format_args!("{:o}", self.mode), &format_args!("{:o}", found.mode));
        compare("owner", &(self.uid, self.gid), &(found.uid, found.gid));
        compare("mtime", &self.mtime, &found.mtime);
        let names = |object: &Self| object.first_name.as_ref().map(|name| short(name));
        compare("first name", &names(self), &names(found));
        compare("attributes", &self.attributes, &found.attributes);
    }
}

impl Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(size, digest) => {
                let begin = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
                write!(f, "file of {size} bytes, {begin:08x}…")
            }
            Self::Directory => f.write_str("directory"),
            Self::Link(target) => write!(f, "link to {}", short(target)),
            Self::Fifo => f.write_str("FIFO"),
            Self::Socket => f.write_str("socket"),
            Self::Device(true, number) => write!(f, "block device {number:#x}"),
            Self::Device(false, number) => write!(f, "character device {number:#x}"),
        }
    }
}

/// A path as it stands in a message: long names keep their beginnings, which tell them apart.
pub fn short(path: &[u8]) -> String {
    let names = path.split(|byte| *byte == b'/').map(|name| {
        let (name, more) = if name.len() > 60 { (&name[..20], "…") } else { (name, "") };
        format!("{}{more}", name.escape_ascii())
    });
    names.collect::<Vec<_>>().join("/")
}

fn kind(path: &Path, metadata: &std::fs::Metadata) -> io::Result<Kind> {
    let kind = metadata.file_type();
    Ok(if kind.is_file() {
        Kind::File(metadata.len(), Sha256::digest(fs_err::read(path)?).into())
    } else if kind.is_dir() {
        Kind::Directory
    } else if kind.is_symlink() {
        Kind::Link(fs_err::read_link(path)?.into_os_string().into_vec())
    } else if kind.is_fifo() {
        Kind::Fifo
    } else if kind.is_socket() {
        Kind::Socket
    } else {
        Kind::Device(kind.is_block_device(), metadata.rdev())
    })
}

fn attributes(path: &Path) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let names = match xattr::list(path) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut attributes = Vec::new();
    for name in names {
        let value = xattr::get(path, &name)?.unwrap_or_default();
        attributes.push((name.into_vec(), value));
    }
    attributes.sort();
    Ok(attributes)
}

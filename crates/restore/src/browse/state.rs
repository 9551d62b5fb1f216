//! What a machine had on a day, as a tree of directories.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use redcedar_archive::{Kind, Timestamp};

use super::file::File;
use super::pieces::{Archive, Pieces};
use crate::owners::Owners;
use crate::report::Failure;
use crate::tree::{Content, Node, Tree};

/// No file system has longer names.
const LONGEST_NAME: usize = 255;

/// An object of a [`State`]. The same as often as the same state is built.
pub type Number = u32;

/// What a machine had on a day.
pub struct State {
    objects: Vec<Object>,
    /// Each with its day.
    archives: Vec<(Date, Option<Arc<Archive>>)>,
    pieces: Arc<Pieces>,
    fingerprint: u64,
}

struct Object {
    name: OsString,
    parent: Number,
    /// By name.
    children: Vec<Number>,
    attributes: Attributes,
    link: Option<PathBuf>,
    content: Option<Content>,
    /// The day it was stored: a place in `archives`.
    layer: Option<usize>,
    /// The first of several names of a file; itself for all others.
    first: Number,
}

/// What is known of an object besides its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// What it is.
    pub kind: Kind,
    /// Bytes of a file, or of the target of a link.
    pub size: u64,
    /// Permission bits, `& 0o7777`.
    pub mode: u32,
    /// The owner here.
    pub uid: u32,
    /// The group here.
    pub gid: u32,
    /// Last change of content.
    pub modified: Timestamp,
    /// How many names it has.
    pub links: u32,
    /// Device number (major, minor) of devices.
    pub rdev: (u32, u32),
}

impl State {
    /// The directory that everything is in.
    pub const ROOT: Number = 0;

    /// Puts the paths of a tree into directories. Returns with it what is not in there.
    pub(super) fn new(
        tree: Tree,
        day: Date,
        numeric_owner: bool,
        pieces: &Arc<Pieces>,
    ) -> (Self, Vec<Failure>) {
        let mut failures = tree.failures;
        let mut nodes: Vec<_> = tree.nodes.into_iter().collect();
        nodes.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut builder =
            Builder { objects: Vec::new(), open: Vec::new(), owners: Owners::new(numeric_owner), day };
        builder.enter(OsStr::new(""));
        let mut hasher = DefaultHasher::new();
        for (path, node) in nodes {
            (&path, node.entry.kind, node.entry.size, node.layer, node.content).hash(&mut hasher);
            if path.iter().any(|name| name.len() > LONGEST_NAME) {
                failures.push(Failure { path, reason: "its name is too long".to_owned() });
                continue;
            }
            builder.add(&path, node);
        }
        let objects = builder.finish();
        let archives = tree.layers.into_iter().map(|layer| (layer.date, pieces.archive(layer))).collect();
        (Self { objects, archives, pieces: Arc::clone(pieces), fingerprint: hasher.finish() }, failures)
    }

    /// How many objects there are.
    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    /// A number that is another if the paths or what they are is another.
    pub(super) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// What is known of an object, if there is one of this number.
    pub fn attributes(&self, number: Number) -> Option<Attributes> {
        let object = self.object(number)?;
        let links = self.object(object.first)?.attributes.links;
        Some(Attributes { links, ..object.attributes })
    }

    /// The one number that all names of a file share.
    pub fn identity(&self, number: Number) -> Option<Number> {
        self.object(number).map(|object| object.first)
    }

    /// The directory that an object is in; the root is in itself.
    pub fn parent(&self, number: Number) -> Option<Number> {
        self.object(number).map(|object| object.parent)
    }

    /// What is in a directory, by name.
    pub fn children(&self, number: Number) -> impl Iterator<Item = (&OsStr, Number)> {
        let children = self.object(number).map(|object| &object.children[..]).unwrap_or_default();
        children.iter().filter_map(|child| Some((self.object(*child)?.name.as_os_str(), *child)))
    }

    /// What has a name in a directory.
    pub fn child(&self, number: Number, name: &OsStr) -> Option<Number> {
        let children = &self.object(number)?.children;
        let name_of = |child: &Number| self.object(*child).map(|object| object.name.as_os_str());
        let place = children.binary_search_by(|child| name_of(child).cmp(&Some(name))).ok()?;
        children.get(place).copied()
    }

    /// What has a path, links not followed.
    pub fn find(&self, path: &Path) -> Option<Number> {
        path.components().try_fold(Self::ROOT, |number, component| match component {
            Component::Normal(name) => self.child(number, name),
            Component::ParentDir => self.parent(number),
            _ => Some(number),
        })
    }

    /// The target of a symbolic link.
    pub fn link(&self, number: Number) -> Option<&Path> {
        self.object(number)?.link.as_deref()
    }

    /// The path of an object.
    pub fn path(&self, number: Number) -> PathBuf {
        let mut names = Vec::new();
        let mut next = number;
        while next != Self::ROOT
            && let Some(object) = self.object(next)
        {
            names.push(&object.name);
            next = object.parent;
        }
        let mut path = PathBuf::from("/");
        path.extend(names.into_iter().rev());
        path
    }

    /// Opens a file.
    ///
    /// # Errors
    /// When it is not stored, or the archive cannot be read where it should be.
    pub fn open(&self, number: Number) -> io::Result<File> {
        let missing = |text: String| io::Error::new(io::ErrorKind::NotFound, text);
        let object = self.object(number).filter(|object| object.attributes.kind == Kind::File);
        let object = object.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it is no file"))?;
        let Some(content) = object.content else {
            let day = object.layer.and_then(|layer| self.archives.get(layer)).map(|(day, _)| day.to_string());
            return Err(missing(format!("it could not be stored on {}", day.unwrap_or_default())));
        };
        match self.archives.get(content.layer) {
            Some((_, Some(archive))) => File::open(&self.pieces, archive, content, object.attributes.size),
            Some((day, None)) => Err(missing(format!("the archive of {day} is missing"))),
            None => Err(missing("its archive is missing".to_owned())),
        }
    }

    fn object(&self, number: Number) -> Option<&Object> {
        self.objects.get(number as usize)
    }
}

/// Takes paths in order.
struct Builder {
    objects: Vec<Object>,
    /// From the root to the object that was added last.
    open: Vec<Number>,
    owners: Owners,
    day: Date,
}

impl Builder {
    fn add(&mut self, path: &Path, node: Node) {
        let names: Vec<_> = path.iter().skip(1).collect();
        let shared = self.open.iter().skip(1).zip(&names);
        let shared =
            shared.take_while(|(number, name)| self.objects[**number as usize].name == **name).count();
        self.open.truncate(shared + 1);
        for name in &names[shared..] {
            self.enter(name);
        }
        let number = self.open.last().copied().unwrap_or(State::ROOT);
        let (uid, gid) = self.owners.of(&node.entry);
        let entry = node.entry;
        let size = entry.link.as_ref().map_or(entry.size, |link| link.as_os_str().as_bytes().len() as u64);
        let object = &mut self.objects[number as usize];
        object.attributes = Attributes {
            kind: entry.kind,
            size,
            mode: entry.mode,
            uid,
            gid,
            modified: entry.modified,
            links: object.attributes.links,
            rdev: entry.rdev.unwrap_or_default(),
        };
        (object.link, object.content, object.layer) = (entry.link, node.content, Some(node.layer));
    }

    /// Makes an object in the one that was added last: a directory of root, which it stays if nothing is known of it. Only a
    /// directory has something in it, whatever another item says.
    fn enter(&mut self, name: &OsStr) {
        let number = Number::try_from(self.objects.len()).unwrap_or(Number::MAX);
        let parent = self.open.last().copied().unwrap_or(number);
        let unknown = self.unknown_directory();
        if let Some(above) = self.objects.get_mut(parent as usize) {
            if above.attributes.kind != Kind::Directory {
                (above.attributes, above.link, above.content, above.layer) = (unknown, None, None, None);
            }
            above.children.push(number);
        }
        self.open.push(number);
        self.objects.push(Object {
            name: name.to_owned(),
            parent,
            children: Vec::new(),
            attributes: unknown,
            link: None,
            content: None,
            layer: None,
            first: number,
        });
    }

    fn unknown_directory(&self) -> Attributes {
        let midnight = self.day.to_zoned(jiff::tz::TimeZone::UTC).map(|day| day.timestamp().as_second());
        let modified = Timestamp { seconds: midnight.unwrap_or_default(), nanoseconds: 0 };
        Attributes {
            kind: Kind::Directory,
            size: 0,
            mode: 0o755,
            uid: 0,
            gid: 0,
            modified,
            links: 0,
            rdev: (0, 0),
        }
    }

    /// Counts names.
    fn finish(mut self) -> Vec<Object> {
        let mut firsts = HashMap::<Content, Number>::new();
        for number in 0..self.objects.len() {
            let object = &mut self.objects[number];
            let is_directory = object.attributes.kind == Kind::Directory;
            let own = object.first;
            if let (false, Some(content)) = (is_directory, object.content) {
                object.first = *firsts.entry(content).or_insert(own);
            }
            let (first, parent) = (object.first, object.parent);
            // A directory has its name, itself, and `..` in each directory in it.
            self.objects[first as usize].attributes.links += if is_directory { 2 } else { 1 };
            if is_directory && parent != own {
                self.objects[parent as usize].attributes.links += 1;
            }
        }
        self.objects
    }
}

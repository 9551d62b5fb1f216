//! What changed from one state to another.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use redcedar_archive::Kind;
use redcedar_archive::manifest::Entry;
use redcedar_archive::select::compare_paths;

use crate::tree::Tree;

/// A path that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The path.
    pub path: PathBuf,
    /// What is different.
    pub what: What,
}

/// How a path differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another; in these respects.
    Changed(Vec<Aspect>),
}

/// What can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    /// File, directory, link …
    Kind,
    /// Size, content or target.
    Content,
    /// The time of the last change.
    Time,
    /// Permissions.
    Mode,
    /// User or group.
    Owner,
    /// Extended attributes and access lists.
    Attributes,
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kind => "kind",
            Self::Content => "content",
            Self::Time => "time",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Attributes => "attributes",
        })
    }
}

/// In which respects two of the same path differ, but for attributes, which these do not know. That the time of a directory
/// changed says nothing that what is in it does not.
pub fn aspects(old: &Entry, new: &Entry) -> Vec<Aspect> {
    let both = |x: Option<[u8; 32]>, y: Option<[u8; 32]>| x.is_some() && y.is_some() && x != y;
    let is_other_content = old.size != new.size || old.link != new.link || both(old.sha256, new.sha256);
    [
        (Aspect::Kind, old.kind != new.kind),
        (Aspect::Content, old.kind == new.kind && (is_other_content || old.rdev != new.rdev)),
        (Aspect::Time, new.kind != Kind::Directory && old.modified != new.modified),
        (Aspect::Mode, old.mode != new.mode),
        (Aspect::Owner, (old.uid, old.gid) != (new.uid, new.gid)),
    ]
    .into_iter()
    .filter_map(|(aspect, differs)| differs.then_some(aspect))
    .collect()
}

/// Every difference, in canonical order of paths.
pub fn diff(old: &Tree, new: &Tree) -> Vec<Difference> {
    let removed = old.nodes.keys().filter(|path| !new.nodes.contains_key(*path));
    let mut differences: Vec<_> =
        removed.map(|path| Difference { path: path.clone(), what: What::Removed }).collect();
    for (path, node) in &new.nodes {
        let what = match old.nodes.get(path).map(|before| aspects(&before.entry, &node.entry)) {
            None => What::Added,
            Some(aspects) if aspects.is_empty() => continue,
            Some(aspects) => What::Changed(aspects),
        };
        differences.push(Difference { path: path.clone(), what });
    }
    differences.sort_by(|a, b| compare_paths(a.path.as_os_str().as_bytes(), b.path.as_os_str().as_bytes()));
    differences
}

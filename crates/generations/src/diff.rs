//! What changed from one generation to another.

use std::cmp::Ordering;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use redcedar_archive::Kind;
use redcedar_archive::select::compare_paths;
use redcedar_system::Interrupt;

use crate::manifest::PathLine;
use crate::paths::Paths;
use crate::store::{Generation, Store, StoreError};

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

/// Tells every difference, in canonical order of paths.
///
/// # Errors
/// When one of the generations cannot be read.
pub fn diff(
    store: &Store,
    old: &Generation,
    new: &Generation,
    interrupt: &Interrupt,
    mut tell: impl FnMut(Difference) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let (mut olds, mut news) = (Paths::of(store, old, interrupt)?, Paths::of(store, new, interrupt)?);
    let (mut old, mut new) = (olds.next_path()?, news.next_path()?);
    let bytes = |line: &PathLine| line.entry.path.as_os_str().as_bytes().to_owned();
    loop {
        let order = match (&old, &new) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => compare_paths(&bytes(old), &bytes(new)),
        };
        let before =
            if order == Ordering::Greater { None } else { std::mem::replace(&mut old, olds.next_path()?) };
        let after =
            if order == Ordering::Less { None } else { std::mem::replace(&mut new, news.next_path()?) };
        let (path, what) = match (before, after) {
            (None, Some(after)) => (after.entry.path, What::Added),
            (Some(before), None) => (before.entry.path, What::Removed),
            (Some(before), Some(after)) => {
                let aspects = aspects(&before, &after);
                if aspects.is_empty() {
                    continue;
                }
                (after.entry.path, What::Changed(aspects))
            }
            (None, None) => continue,
        };
        tell(Difference { path, what })?;
    }
}

/// In which respects two of the same path differ. That the time of a directory changed says nothing that what is in it does not.
fn aspects(old: &PathLine, new: &PathLine) -> Vec<Aspect> {
    let (a, b) = (&old.entry, &new.entry);
    let both = |x: Option<[u8; 32]>, y: Option<[u8; 32]>| x.is_some() && y.is_some() && x != y;
    let is_other_content = a.size != b.size || a.link != b.link || both(a.sha256, b.sha256);
    [
        (Aspect::Kind, a.kind != b.kind),
        (Aspect::Content, a.kind == b.kind && (is_other_content || a.rdev != b.rdev)),
        (Aspect::Time, b.kind != Kind::Directory && a.modified != b.modified),
        (Aspect::Mode, a.mode != b.mode),
        (Aspect::Owner, (a.uid, a.gid) != (b.uid, b.gid)),
        (Aspect::Attributes, old.attributes != new.attributes),
    ]
    .into_iter()
    .filter_map(|(aspect, differs)| differs.then_some(aspect))
    .collect()
}

//! What changed from one generation to another.

use std::cmp::Ordering;
use std::os::unix::ffi::OsStrExt;

use redcedar_archive::select::compare_paths;
pub use redcedar_restore::diff::{Aspect, Difference, What};
use redcedar_system::Interrupt;

use crate::manifest::PathLine;
use crate::paths::Paths;
use crate::store::{Generation, Store, StoreError};

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

/// In which respects two of the same path differ.
fn aspects(old: &PathLine, new: &PathLine) -> Vec<Aspect> {
    let mut aspects = redcedar_restore::diff::aspects(&old.entry, &new.entry);
    aspects.extend((old.attributes != new.attributes).then_some(Aspect::Attributes));
    aspects
}

//! Random trees and random changes, the same for the same seed.
//!
//! Every tree has one of everything that has ever been forgotten by a backup program, and then more of it by chance.

mod change;
mod name;
mod plant;
mod reach;

pub use change::change;
pub use plant::Kind;

use crate::rng::Rng;
use plant::Planter;
use std::io;
use std::path::{Path, PathBuf};

/// What a tree may contain.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent wishes")]
pub struct Growth {
    /// How many objects there are besides one of every kind.
    pub objects: usize,
    /// The size of the largest files.
    pub largest: u64,
    /// Names of 255 bytes and paths of more than 1,000.
    pub long_names: bool,
    /// Names with backslashes, which the original never backs up.
    pub backslashes: bool,
    /// FIFOs, sockets, and device nodes where they can be made.
    pub specials: bool,
    /// Links that lead back to where they are, directly or through other links.
    pub loops: bool,
    /// Owners other than ourselves (only if we are root).
    pub owners: bool,
}

impl Growth {
    /// A tree with everything in it, small enough to be made in a fraction of a second.
    pub fn everything() -> Self {
        Self {
            objects: 60,
            largest: 300_000,
            long_names: true,
            backslashes: true,
            specials: true,
            loops: true,
            owners: true,
        }
    }
}

/// Makes a tree at `root`, which must not exist.
///
/// # Errors
/// When something cannot be made.
pub fn grow(root: &Path, rng: &mut Rng, growth: &Growth) -> io::Result<()> {
    fs_err::create_dir_all(root)?;
    let mut planter = Planter::new(root, growth);
    for kind in Kind::ALL {
        planter.plant(rng, *kind)?;
    }
    for _ in 0..growth.objects {
        let kind = rng.pick(Kind::BY_CHANCE);
        planter.plant(rng, kind)?;
    }
    set_directory_times(root, rng)
}

/// Times of directories come last: every object made in one would change them.
fn set_directory_times(root: &Path, rng: &mut Rng) -> io::Result<()> {
    for path in walk(root)?.into_iter().rev() {
        if fs_err::symlink_metadata(&path)?.is_dir() {
            plant::set_random_mtime(&path, rng)?;
        }
    }
    Ok(())
}

/// Everything at and below `root`, parents before children, sorted. Links are not followed.
///
/// # Errors
/// When a directory cannot be read.
pub fn walk(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![root.to_path_buf()];
    let mut next = 0;
    while next < found.len() {
        if fs_err::symlink_metadata(&found[next])?.is_dir() {
            for entry in fs_err::read_dir(found[next].clone())? {
                found.push(entry?.path());
            }
        }
        next += 1;
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Snapshot;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn the_same_seed_gives_the_same_tree() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        let mut snapshots = (0..2).map(|_| {
            grow(&root, &mut Rng::new(7), &Growth::everything()).unwrap();
            let snapshot = Snapshot::take(&root).unwrap();
            fs_err::remove_dir_all(&root).unwrap();
            snapshot
        });
        let (one, two) = (snapshots.next().unwrap(), snapshots.next().unwrap());
        one.assert_same(&two, String::new);
    }

    #[test]
    fn every_tree_has_the_awkward_names() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        grow(&root, &mut Rng::new(1), &Growth::everything()).unwrap();
        let paths = walk(&root).unwrap();
        let has = |what: &dyn Fn(&[u8]) -> bool| paths.iter().any(|path| what(path.as_os_str().as_bytes()));
        assert!(has(&|path| path.contains(&b'\n')));
        assert!(has(&|path| path.contains(&b'\\')));
        assert!(has(&|path| std::str::from_utf8(path).is_err()));
        assert!(has(&|path| path.len() > 1_000));
        assert!(has(&|path| path.split(|byte| *byte == b'/').any(|name| name.len() == 255)));
    }

    #[test]
    fn changes_change_the_tree_and_keep_it_readable() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        let mut rng = Rng::new(3);
        let growth = Growth::everything();
        grow(&root, &mut rng, &growth).unwrap();
        for _ in 0..5 {
            let before = Snapshot::take(&root).unwrap();
            let log = change(&root, &mut rng, &growth, 40).unwrap();
            assert_ne!(before.differences(&Snapshot::take(&root).unwrap()), Vec::<String>::new(), "{log:?}");
        }
    }
}

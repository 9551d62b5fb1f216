//! Places from which programs may be run: nobody but root and whoever runs the tests can change what is there.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A temporary directory of that kind: beside the test program, else in the home directory of whoever runs the tests. The
/// checkout may be where others can write, as in `/tmp`.
pub fn directory() -> tempfile::TempDir {
    let program = std::env::current_exe().expect("a running test is a program");
    let beside = program.parent().map(Path::to_owned);
    let places = beside.into_iter().chain(std::env::home_dir()).chain(home_of_root());
    let places = places.filter_map(|place| fs_err::canonicalize(place).ok());
    let trusted = places.into_iter().find(|place| is_trusted(place));
    let trusted = trusted.expect("neither the build nor the home directory is safe from others");
    tempfile::tempdir_in(trusted).expect("create a directory")
}

/// Where the environment has been told nothing.
fn home_of_root() -> Option<PathBuf> {
    crate::program::is_root().then(|| PathBuf::from("/root"))
}

fn is_trusted(place: &Path) -> bool {
    let us = rustix::process::geteuid().as_raw();
    place.ancestors().all(|directory| {
        fs_err::metadata(directory)
            .is_ok_and(|found| [0, us].contains(&found.uid()) && found.mode() & 0o022 == 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_can_write_is_not_trusted_nor_what_is_below() {
        let open = tempfile::tempdir_in("/tmp").unwrap();
        assert!(!is_trusted(open.path()));
        assert!(is_trusted(directory().path()));
    }
}

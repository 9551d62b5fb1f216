//! What goes into the bucket of a day.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use redcedar_archive::naming::ORIGINS;
use redcedar_engine::staged::folders;
use redcedar_engine::{checksums, indicator};
use redcedar_system::escape;
use redcedar_system::fs::{Directory, TEMPORARY_PREFIX};
use rustix::fs::FileType;

/// Lists of digests say what the files should be, wherever they are.
const DIGESTS: [&str; 2] = [checksums::NAME, ORIGINS];

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct File {
    /// Its path below the day.
    pub(super) name: PathBuf,
    pub(super) size: u64,
}

/// A day, or what was made of it.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// All that goes into the bucket, in the order of names.
    pub(super) files: Vec<File>,
    /// What is neither a directory nor a file.
    pub(super) strangers: Vec<PathBuf>,
    /// All directories below, those before what is in them.
    pub(super) directories: Vec<PathBuf>,
}

impl Contents {
    pub(super) fn of(directory: Directory) -> io::Result<Self> {
        let root = directory.path().to_owned();
        let mut contents = Self::default();
        for folder in folders(directory)? {
            let place = folder.directory.path().strip_prefix(&root).unwrap_or(Path::new("")).to_owned();
            let size = |size: i64| size.unsigned_abs();
            let backups = folder.files.iter().map(|(name, stat)| (name.as_os_str(), size(stat.st_size)));
            let mut files: Vec<_> = backups.collect();
            for name in DIGESTS.map(OsStr::new) {
                let stat = folder.directory.status(name)?;
                let stat = stat.filter(|stat| FileType::from_raw_mode(stat.st_mode).is_file());
                files.extend(stat.map(|stat| (name, size(stat.st_size))));
            }
            let named = files.into_iter().map(|(name, size)| File { name: place.join(name), size });
            contents.files.extend(named);
            contents.strangers.extend(folder.strangers.iter().map(|name| place.join(name)));
            if place.parent().is_some() {
                contents.directories.push(place);
            }
        }
        contents.files.sort_unstable();
        contents.directories.sort_unstable();
        Ok(contents)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Says no where a directory has the name of what is left out: with it would be left out what is in it.
    pub(super) fn check_directories(&self) -> Result<(), String> {
        let is_left_out = |path: &&PathBuf| path.file_name().is_some_and(is_left_out);
        match self.directories.iter().find(is_left_out) {
            None => Ok(()),
            Some(path) => {
                Err(format!("the directory {} has the name of an indicator", escape::display(path)))
            }
        }
    }
}

/// The names of files that stay here: indicators, and what runs that were killed have left.
pub(super) fn left_out() -> impl Iterator<Item = String> {
    let indicators = [indicator::COLLECT, indicator::STAGE].into_iter().chain(indicator::OF_THE_MASTER);
    indicators.map(str::to_owned).chain([format!("{TEMPORARY_PREFIX}*")])
}

fn is_left_out(name: &OsStr) -> bool {
    [indicator::COLLECT, indicator::STAGE]
        .into_iter()
        .chain(indicator::OF_THE_MASTER)
        .any(|known| name == known)
        || name.as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_but_indicators_and_leftovers_goes_whatever_it_is_called() {
        let root = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(root.path().join("cback.example.com/sub")).unwrap();
        for (name, content) in [
            ("cback.stage", "x"),
            ("cback.example.com/cback.collect", "x"),
            ("cback.example.com/a.tar", "abc"),
            ("cback.example.com/a.manifest.jsonl.zst", "ab"),
            ("cback.example.com/cback.sha256", "a"),
            ("cback.example.com/sub/my-cback.sql", ""),
            ("cback.example.com/.redcedar-1", "x"),
        ] {
            fs_err::write(root.path().join(name), content).unwrap();
        }
        std::os::unix::fs::symlink("a.tar", root.path().join("cback.example.com/link")).unwrap();
        let contents = Contents::of(Directory::open(root.path()).unwrap()).unwrap();
        let names: Vec<_> = contents.files.iter().map(|file| file.name.to_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "cback.example.com/a.manifest.jsonl.zst",
                "cback.example.com/a.tar",
                "cback.example.com/cback.sha256",
                "cback.example.com/sub/my-cback.sql",
            ]
        );
        assert_eq!(contents.bytes(), 6);
        assert_eq!(contents.strangers, [Path::new("cback.example.com/link")]);
        assert_eq!(
            contents.directories,
            [Path::new("cback.example.com"), Path::new("cback.example.com/sub")]
        );
        contents.check_directories().unwrap();
        fs_err::create_dir(root.path().join("cback.stage.d")).unwrap();
        fs_err::create_dir(root.path().join("cback.split")).unwrap();
        let contents = Contents::of(Directory::open(root.path()).unwrap()).unwrap();
        assert!(contents.check_directories().unwrap_err().contains("cback.split "));
    }
}

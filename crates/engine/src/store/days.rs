//! The staged days, and what is in them.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_media::writer::Entry;
use redcedar_system::fs::Directory;
use rustix::fs::FileType;
use sha2::{Digest, Sha256};

use super::plan::Day;
use crate::checksums::Checksums;
use crate::daily_dir;
use crate::indicator;
use crate::staged::{Folder, folders};

const BUFFER: usize = 1 << 20;

/// The indicator of days that are on a disc.
pub(super) const STORED: &str = "cback.store";

/// The staged days below a directory, oldest first.
pub(super) fn staged(source: &Directory) -> io::Result<Vec<Day>> {
    let mut days = Vec::new();
    for date in daily_dir::days(source)? {
        let directory = daily_dir::open(source, date)?;
        if has(&directory, indicator::STAGE)? {
            days.push(Day { date, is_stored: has(&directory, STORED)? });
        }
    }
    Ok(days)
}

fn has(directory: &Directory, name: &str) -> io::Result<bool> {
    let status = directory.status(OsStr::new(name))?;
    Ok(status.is_some_and(|status| FileType::from_raw_mode(status.st_mode).is_file()))
}

/// A day as something to be put on a disc.
pub(super) fn entry(source: &Directory, date: Date) -> Entry {
    Entry::new(daily_dir::path(source.path(), date), on_disc(date))
}

/// Where a day is on a disc.
pub(super) fn on_disc(date: Date) -> PathBuf {
    daily_dir::path(Path::new(""), date)
}

/// The day whose place on a disc this is.
pub(super) fn of_path(path: &Path) -> Option<Date> {
    let parts: Vec<_> = path.iter().map(OsStr::to_str).collect::<Option<_>>()?;
    let [year, month, day] = parts.as_slice() else { return None };
    let date = Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    (on_disc(date) == path).then_some(date)
}

/// What is staged of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) date: Date,
    /// The paths of the backups in the day, and their sizes.
    pub(super) files: Vec<(PathBuf, u64)>,
}

impl Content {
    /// Lists what is staged of a day.
    pub(super) fn read(source: &Directory, date: Date) -> io::Result<Self> {
        let day = daily_dir::open(source, date)?;
        let root = day.path().to_owned();
        let mut found = Vec::new();
        for Folder { directory, files, .. } in folders(day)? {
            let below = directory.path().strip_prefix(&root).unwrap_or(Path::new("")).to_owned();
            found.extend(files.iter().map(|(name, stat)| (below.join(name), stat.st_size.unsigned_abs())));
        }
        found.sort();
        Ok(Self { date, files: found })
    }

    /// All bytes together.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, size)| size).sum()
    }
}

/// The files of a day that are not what was staged, by its `cback.sha256`; for people.
pub(super) fn changed(
    source: &Directory,
    date: Date,
    check: &dyn Fn() -> io::Result<()>,
) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in folders(daily_dir::open(source, date)?)? {
        let sums = Checksums::read(&folder.directory)?;
        for (name, _) in &folder.files {
            check()?;
            let Some(expected) = sums.get(name) else { continue };
            let mut file = folder.directory.open_file(name)?;
            let mut digest = Sha256::new();
            let mut buffer = vec![0; BUFFER];
            loop {
                match file.read(&mut buffer)? {
                    0 => break,
                    count => digest.update(&buffer[..count]),
                }
            }
            if <[u8; 32]>::from(digest.finalize()) != *expected {
                found.push(folder.directory.path().join(name));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn days_are_staged_and_stored_by_their_indicators() {
        let root = tempfile::tempdir().unwrap();
        for path in
            ["2026/11/22/me/x", "2026/11/23/cback.stage", "2026/11/24/cback.stage", "2026/11/24/cback.store"]
        {
            let path = root.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "").unwrap();
        }
        let source = Directory::open(root.path()).unwrap();
        let day = |day, is_stored| Day { date: date(2026, 11, day), is_stored };
        assert_eq!(staged(&source).unwrap(), [day(23, false), day(24, true)]);
        assert_eq!(of_path(Path::new("2026/11/23")), Some(date(2026, 11, 23)));
        for other in ["2026/11", "2026/11/3", "2026/13/03", "x/11/23", "2026/11/23/x"] {
            assert_eq!(of_path(Path::new(other)), None, "{other}");
        }
        let expected = Entry::new(root.path().join("2026/11/23"), "2026/11/23");
        assert_eq!(entry(&source, date(2026, 11, 23)), expected);
    }

    #[test]
    fn what_has_changed_since_it_was_staged_is_found() {
        let root = tempfile::tempdir().unwrap();
        let peer = root.path().join("2026/11/23/me");
        fs_err::create_dir_all(&peer).unwrap();
        for name in ["good", "bad", "new"] {
            fs_err::write(peer.join(name), name).unwrap();
        }
        let mut sums = Checksums::default();
        for name in ["good", "bad"] {
            sums.insert(name.into(), Sha256::digest(name).into());
        }
        sums.write(&Directory::open(&peer).unwrap(), None).unwrap();
        fs_err::write(peer.join("bad"), "dab").unwrap();
        let source = Directory::open(root.path()).unwrap();
        assert_eq!(changed(&source, date(2026, 11, 23), &|| Ok(())).unwrap(), [peer.join("bad")]);
        let expected = [("me/bad", 3), ("me/good", 4), ("me/new", 3)];
        let files = expected.map(|(path, size)| (PathBuf::from(path), size)).to_vec();
        let content = Content::read(&source, date(2026, 11, 23)).unwrap();
        assert_eq!(content, Content { date: date(2026, 11, 23), files });
        assert_eq!(content.bytes(), 10);
    }
}

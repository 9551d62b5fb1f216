//! Indicator files: empty to the originals, which only look whether they are there. Ours say which run wrote them.

use std::ffi::OsStr;
use std::io::{self, Read, Write};

use redcedar_system::fs::{Directory, PendingFile};
use redcedar_system::{Monitor, Owner};
use rustix::fs::{FileType, Stat};
use serde::{Deserialize, Serialize};

use crate::item::ownership::Ownership;

/// In a collect directory: everything has been collected.
pub const COLLECT: &str = "cback.collect";
/// In a collect directory: it has been picked up. In a daily directory: it is complete.
pub const STAGE: &str = "cback.stage";

/// In a daily directory or that of a peer in it: what its machine has made of it since, and how staging ended.
pub const OF_THE_MASTER: [&str; 5] =
    ["cback.store", "cback.encrypt", "cback.split", "cback.amazons3", "cback.result"];

/// Whoever stages has to read it.
const MODE: u32 = 0o640;
/// An indicator longer than this is none of ours.
pub(crate) const LONGEST: u64 = 64 * 1024;

/// What an indicator of ours says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Indicator {
    /// The run that wrote it.
    pub run: String,
    /// When that run began, RFC 3339.
    pub time: String,
    /// Name and version of the program.
    pub program: String,
}

impl Indicator {
    /// One line of JSON.
    pub fn to_line(&self) -> Vec<u8> {
        // A structure of three texts can be written as JSON.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Writes the indicator into a directory, atomically.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, directory: &Directory, name: &str, owner: Option<Owner>) -> io::Result<()> {
        self.begin(directory, name)?.publish(MODE, owner)
    }

    /// The same for an owner who may not be to be had.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write_owned(
        &self,
        directory: &Directory,
        name: &str,
        ownership: &Ownership,
        monitor: &(dyn Monitor + 'static),
    ) -> io::Result<()> {
        ownership.publish(self.begin(directory, name)?, MODE, monitor)
    }

    fn begin(&self, directory: &Directory, name: &str) -> io::Result<PendingFile> {
        let mut file = directory.create_file(OsStr::new(name))?;
        file.write_all(&self.to_line())?;
        Ok(file)
    }

    /// What the indicator in a directory says; none when it is not there or was not written by us.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(directory: &Directory, name: &str) -> io::Result<Option<Self>> {
        if status(directory, name)?.is_none() {
            return Ok(None);
        }
        let mut content = Vec::new();
        directory.open_file(OsStr::new(name))?.take(LONGEST).read_to_end(&mut content)?;
        Ok(Self::parse(&content))
    }

    /// What the content of an indicator says; none when it was not written by us.
    pub fn parse(content: &[u8]) -> Option<Self> {
        serde_json::from_slice(content).ok()
    }
}

/// Whether the collect directory proves that its content was picked up: by a stage indicator that names the same run as the
/// collect indicator or, where they name none, is not older.
///
/// # Errors
/// When the directory or an indicator cannot be read.
pub fn is_picked_up(collect_dir: &Directory) -> io::Result<bool> {
    let Some(stage) = status(collect_dir, STAGE)? else { return Ok(false) };
    let Some(collect) = status(collect_dir, COLLECT)? else { return Ok(true) };
    let picked_up = Indicator::read(collect_dir, STAGE)?;
    let collected = Indicator::read(collect_dir, COLLECT)?;
    Ok(match (picked_up, collected) {
        (Some(picked_up), Some(collected)) => picked_up.run == collected.run,
        _ => (stage.st_mtime, stage.st_mtime_nsec) >= (collect.st_mtime, collect.st_mtime_nsec),
    })
}

/// What the system says of an indicator. Anything but a regular file is none.
fn status(directory: &Directory, name: &str) -> io::Result<Option<Stat>> {
    let status = directory.status(OsStr::new(name))?;
    Ok(status.filter(|status| FileType::from_raw_mode(status.st_mode).is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    fn indicator(run: &str) -> Indicator {
        Indicator {
            run: run.to_owned(),
            time: "2026-11-24T02:00:00+00:00".to_owned(),
            program: "x 1".to_owned(),
        }
    }

    fn at(path: &Path, seconds: u64) {
        fs_err::write(path, b"").unwrap();
        let file = fs_err::OpenOptions::new().write(true).open(path).unwrap();
        file.file().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    }

    #[test]
    fn what_is_written_is_read_back_as_one_line() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        assert_eq!(Indicator::read(&directory, COLLECT).unwrap(), None);
        indicator("r").write(&directory, COLLECT, None).unwrap();
        assert_eq!(Indicator::read(&directory, COLLECT).unwrap(), Some(indicator("r")));
        let text = fs_err::read_to_string(root.path().join(COLLECT)).unwrap();
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn empty_indicators_of_the_original_prove_by_their_age() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        assert!(!is_picked_up(&directory).unwrap());
        at(&root.path().join(COLLECT), 100);
        assert!(!is_picked_up(&directory).unwrap());
        at(&root.path().join(STAGE), 99);
        assert!(!is_picked_up(&directory).unwrap(), "left over from an earlier day");
        at(&root.path().join(STAGE), 101);
        assert!(is_picked_up(&directory).unwrap());
    }

    #[test]
    fn indicators_that_name_their_run_prove_by_it() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        indicator("second").write(&directory, COLLECT, None).unwrap();
        indicator("first").write(&directory, STAGE, None).unwrap();
        assert!(!is_picked_up(&directory).unwrap(), "the pick-up of an earlier run came late");
        indicator("second").write(&directory, STAGE, None).unwrap();
        assert!(is_picked_up(&directory).unwrap());
    }
}

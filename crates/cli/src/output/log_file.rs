//! The file of `--log-file`: the format of the original's log, appended to.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use redcedar_system::{Clock, Level};
use rustix::fs::OFlags;

/// An open log file. Each message goes out in one write, so that two runs do not mix within a line.
pub(crate) struct LogFile {
    file: Mutex<File>,
    clock: Arc<dyn Clock>,
    threshold: Level,
}

impl LogFile {
    /// Opens `path` for appending and creates it, readable by its owner and group, if it is not there. A link by that name is
    /// refused: the file is written as root, often in a directory where others can write.
    pub(crate) fn open(path: &Path, threshold: Level, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::CLOEXEC).bits()).map_err(io::Error::other)?;
        let file = File::options().append(true).create(true).mode(0o640).custom_flags(flags).open(path)?;
        Ok(Self { file: Mutex::new(file), clock, threshold })
    }

    /// `2026-11-24T02:30:00 CET --> [INFO   ] message`
    pub(crate) fn message(&self, level: Level, message: &str) -> io::Result<()> {
        if level < self.threshold {
            return Ok(());
        }
        let time = self.clock.now().strftime("%Y-%m-%dT%H:%M:%S %Z").to_string();
        let level = match level {
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warning => "WARNING",
            Level::Error => "ERROR",
        };
        self.write(format!("{time} --> [{level:<7}] {message}\n").as_bytes())
    }

    /// A line that a child program printed, as it is.
    pub(crate) fn output(&self, line: &[u8]) -> io::Result<()> {
        if self.threshold > Level::Debug {
            return Ok(());
        }
        self.write(&[line, b"\n"].concat())
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        match self.file.lock() {
            Ok(mut file) => file.write_all(bytes),
            Err(_poisoned) => Err(io::Error::other("a thread panicked while it was writing")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redcedar_system::clock::FixedClock;

    #[test]
    fn messages_are_appended_in_the_originals_format_and_links_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        fs_err::write(&path, "before\n").unwrap();
        let clock = Arc::new(FixedClock::parse("2026-11-24T02:30:00+01:00[+01:00]").unwrap());
        let log = LogFile::open(&path, Level::Info, clock.clone()).unwrap();
        log.message(Level::Info, "Backup started").unwrap();
        log.message(Level::Warning, "careful").unwrap();
        log.message(Level::Debug, "nobody asked").unwrap();
        log.output(b"nobody asked").unwrap();
        assert_eq!(
            fs_err::read_to_string(&path).unwrap(),
            "before\n2026-11-24T02:30:00 +01 --> [INFO   ] Backup started\n2026-11-24T02:30:00 +01 --> [WARNING] careful\n"
        );

        let link = directory.path().join("link");
        fs_err::os::unix::fs::symlink(directory.path().join("elsewhere"), &link).unwrap();
        assert!(LogFile::open(&link, Level::Info, clock).is_err());
    }
}

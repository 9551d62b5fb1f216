//! The originals' log file and screen.
//!
//! Two logs share one file: the flow log (our own messages, with time and level) and the output log (what other programs
//! print, bare). What is important enough for the screen goes to standard output as well.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use redcedar_system::clock::Clock;
use redcedar_system::monitor::{Level, Monitor};
use redcedar_system::{Owner, account, escape};
use rustix::fs::{Gid, Mode, OFlags, Uid, fchmod, fchown};

/// Where the log is, and what it becomes when it has to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogFile {
    /// The file.
    pub(crate) path: PathBuf,
    /// User and group, by name.
    pub(crate) owner: (String, String),
    /// Permissions; only the nine ordinary bits are used.
    pub(crate) mode: u32,
}

/// What goes where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Thresholds {
    /// The least important message of the file.
    pub(crate) disk: Level,
    /// Whether the file gets what other programs print.
    pub(crate) output: bool,
    /// The least important message of the screen; none: the screen stays dark.
    pub(crate) screen: Option<Level>,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
#[error("cannot open {}: {source}", escape::display(.path))]
pub(crate) struct LogError {
    path: PathBuf,
    source: io::Error,
}

impl LogFile {
    /// Opens the file for appending. Owner and mode are set only when it is created; that they could not be set is returned
    /// as a remark.
    pub(crate) fn open(&self) -> Result<(File, Option<String>), LogError> {
        let error = |source| LogError { path: self.path.clone(), source };
        match self.open_existing() {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {}
            existing => return existing.map(|file| (file, None)).map_err(error),
        }
        let created = options().create_new(true).mode(0o600).open(&self.path);
        match created {
            Ok(file) => {
                let remark = self.adopt(&file).map_err(error)?;
                Ok((file, remark))
            }
            // Somebody else was faster.
            Err(exists) if exists.kind() == io::ErrorKind::AlreadyExists => {
                self.open_existing().map(|file| (file, None)).map_err(error)
            }
            Err(source) => Err(error(source)),
        }
    }

    /// A link is followed only if root or the user of this process made it, and never to create its target.
    fn open_existing(&self) -> io::Result<File> {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs_err::symlink_metadata(&self.path)?;
        let is_trusted = [0, rustix::process::geteuid().as_raw()].contains(&metadata.uid());
        if metadata.is_symlink() && is_trusted {
            return std::fs::OpenOptions::new().append(true).open(&self.path);
        }
        options().open(&self.path)
    }

    fn adopt(&self, file: &File) -> io::Result<Option<String>> {
        let (user, group) = &self.owner;
        let owner = if account::is_root() { account::owner(user, group).map(Some) } else { Ok(None) };
        let remark = match owner {
            Ok(Some(Owner { uid, gid })) => {
                fchown(file.as_fd(), Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
                None
            }
            Ok(None) => None,
            Err(error) => {
                Some(format!("The new log file [{}] keeps its owner: {error}.", escape::display(&self.path)))
            }
        };
        fchmod(file.as_fd(), Mode::from_raw_mode(self.mode & 0o777))?;
        Ok(remark)
    }
}

fn options() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    let flags = (OFlags::NOFOLLOW | OFlags::NOCTTY).bits().cast_signed();
    options.append(true).custom_flags(flags);
    options
}

/// Writes both logs and the screen. A write that fails is passed over: a full disk under the log must not end a backup.
pub(crate) struct Log {
    clock: Arc<dyn Clock>,
    thresholds: Thresholds,
    disk: Mutex<File>,
}

impl Log {
    pub(crate) fn new(file: File, thresholds: Thresholds, clock: Arc<dyn Clock>) -> Self {
        Self { clock, thresholds, disk: Mutex::new(file) }
    }

    fn write(&self, text: &[u8]) {
        let mut disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
        let _unheard = disk.write_all(text);
    }
}

impl Monitor for Log {
    fn log(&self, level: Level, message: &str) {
        let message = escape::multiline(message);
        if level >= self.thresholds.disk {
            let time = self.clock.now().strftime("%Y-%m-%dT%H:%M:%S %Z").to_string();
            self.write(format!("{time} --> [{:<7}] {message}\n", name(level)).as_bytes());
        }
        if self.thresholds.screen.is_some_and(|threshold| level >= threshold) {
            let _unheard = writeln!(io::stdout(), "{message}");
        }
    }

    fn output(&self, line: &[u8]) {
        if self.thresholds.output {
            // Tabs are ordinary in what programs print; everything else that moves a cursor is not.
            let columns =
                line.split(|byte| *byte == b'\t').map(|part| escape::display_bytes(part).to_string());
            self.write((columns.collect::<Vec<_>>().join("\t") + "\n").as_bytes());
        }
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Debug => "DEBUG",
        Level::Info => "INFO",
        Level::Warning => "WARNING",
        Level::Error => "ERROR",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redcedar_system::clock::FixedClock;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    fn log_file(path: PathBuf) -> LogFile {
        LogFile { path, owner: ("root".to_owned(), "root".to_owned()), mode: 0o640 }
    }

    fn mode(path: &Path) -> u32 {
        fs_err::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_new_log_gets_exactly_its_mode_and_an_old_one_keeps_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let log = LogFile { mode: 0o4666, ..log_file(path.clone()) };
        log.open().unwrap();
        assert_eq!(mode(&path), 0o666, "special bits are no use to a log");
        fs_err::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        fs_err::write(&path, "old\n").unwrap();
        log.open().unwrap().0.write_all(b"new\n").unwrap();
        assert_eq!(fs_err::read(&path).unwrap(), b"old\nnew\n");
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_dangling_link_is_not_filled_in() {
        let directory = tempfile::tempdir().unwrap();
        symlink("target", directory.path().join("link")).unwrap();
        assert!(log_file(directory.path().join("link")).open().is_err());
        assert!(!directory.path().join("target").exists());
        fs_err::write(directory.path().join("target"), "").unwrap();
        log_file(directory.path().join("link")).open().unwrap();
    }

    #[test]
    fn an_unknown_owner_is_a_remark() {
        if !account::is_root() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let owner = ("nosuchuser".to_owned(), "root".to_owned());
        let log = LogFile { owner, ..log_file(directory.path().join("log")) };
        assert!(log.open().unwrap().1.unwrap().contains("nosuchuser"));
    }

    #[test]
    fn lines_have_time_and_level_and_cannot_be_forged() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let thresholds = Thresholds { disk: Level::Info, output: true, screen: None };
        let clock = Arc::new(FixedClock::parse("2024-02-29T01:30:00[Europe/Berlin]").unwrap());
        let log = Log::new(log_file(path.clone()).open().unwrap().0, thresholds, clock);
        log.log(Level::Debug, "unheard");
        log.log(Level::Info, "a\x1b[1m");
        log.log(Level::Warning, "b\nc");
        log.output(b"x\ty\x1b\xff");
        assert_eq!(
            fs_err::read_to_string(&path).unwrap(),
            "2024-02-29T01:30:00 CET --> [INFO   ] a\\u{1b}[1m\n\
             2024-02-29T01:30:00 CET --> [WARNING] b\nc\n\
             x\ty\\u{1b}\\xff\n"
        );
    }
}

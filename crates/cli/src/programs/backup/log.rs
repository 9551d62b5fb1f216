//! The log of the original: time, level, who speaks, what.

use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use redcedar_system::clock::Clock;
use redcedar_system::{Level, Monitor, escape};

/// Who speaks of the run as a whole.
pub(super) const MAIN: &str = "backup.main";
/// Who speaks of its parts.
pub(super) const BACKUP: &str = "backup.backup";
/// Who repeats what other programs print.
const OUTPUT: &str = "backup.output";

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    Debug,
    Info,
    Warning,
    Error,
    /// There is no backup, or one that lacks something.
    Critical,
}

impl Severity {
    pub(super) const ALL: [Self; 5] = [Self::Debug, Self::Info, Self::Warning, Self::Error, Self::Critical];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warning => Self::Warning,
            Level::Error => Self::Error,
        }
    }
}

/// Writes the log. A write that fails is passed over: a full disk under the log must not end a backup.
pub(super) struct Log {
    file: Mutex<File>,
    least: Severity,
    clock: Arc<dyn Clock>,
}

impl Log {
    pub(super) fn new(file: File, least: Severity, clock: Arc<dyn Clock>) -> Self {
        Self { file: Mutex::new(file), least, clock }
    }

    pub(super) fn info(&self, message: &str) {
        self.write(Severity::Info, BACKUP, message);
    }

    pub(super) fn write(&self, severity: Severity, speaker: &str, message: &str) {
        if severity < self.least {
            return;
        }
        let time = self.clock.now().strftime("%Y-%m-%d %H:%M:%S").to_string();
        let line = format!("{time} {:<8} {speaker} {}\n", severity.name(), escape::multiline(message));
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _unheard = file.write_all(line.as_bytes());
    }
}

impl Monitor for Log {
    fn log(&self, level: Level, message: &str) {
        self.write(level.into(), BACKUP, message);
    }

    fn output(&self, line: &[u8]) {
        self.write(Severity::Info, OUTPUT, &escape::display_bytes(line).to_string());
    }
}

#[cfg(test)]
mod tests {
    use redcedar_system::clock::FixedClock;

    use super::*;

    #[test]
    fn lines_have_the_form_of_the_original_and_cannot_be_forged() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let clock = Arc::new(FixedClock::parse("2024-02-29T01:30:00[Europe/Berlin]").unwrap());
        let log = Log::new(file.reopen().unwrap(), Severity::Info, clock);
        log.log(Level::Debug, "unheard");
        log.log(Level::Info, "a\x1b[1m");
        log.write(Severity::Critical, MAIN, "b");
        log.output(b"c\n\xff");
        assert_eq!(
            fs_err::read_to_string(file.path()).unwrap(),
            "2024-02-29 01:30:00 INFO     backup.backup a\\u{1b}[1m\n\
             2024-02-29 01:30:00 CRITICAL backup.main b\n\
             2024-02-29 01:30:00 INFO     backup.output c\\n\\xff\n"
        );
    }
}

//! Where the programs of the originals log to, as their command lines say it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redcedar_system::clock::Clock;
use redcedar_system::{Level, Monitor, escape};

use crate::getopt::Parsed;
use crate::logging::{Log, LogFile, Thresholds};

/// Owner of a log that has to be created.
pub(super) const OWNER: (&str, &str) = ("root", "adm");
/// Permissions of a log that has to be created.
pub(super) const MODE: u32 = 0o640;
/// The largest mode that the originals' system calls take.
const LARGEST_MODE: u128 = i32::MAX as u128;

/// A value of a switch that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ValueError {
    #[error("The {0} parameter must be a non-empty string.")]
    Empty(&'static str),
    #[error("Must specify user and group tuple for owner parameter.")]
    OwnerTuple,
    #[error("User and group tuple values must be non-empty strings.")]
    OwnerEmpty,
    #[error("Mode must be an octal integer >= 0. i.e. 644.")]
    Mode,
}

/// What `--logfile`, `--owner`, `--mode` and the switches that make programs talk say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogChoice {
    pub(super) path: Option<PathBuf>,
    pub(super) owner: Option<(String, String)>,
    /// May be larger than any mode can be; then there will be no log.
    pub(super) mode: Option<u128>,
    pub(super) thresholds: Thresholds,
}

impl LogChoice {
    pub(super) fn of(parsed: &Parsed) -> Result<Self, ValueError> {
        Ok(Self {
            path: path(parsed, "logfile")?,
            owner: parsed.value("owner").map(owner).transpose()?,
            mode: parsed.value("mode").map(mode).transpose()?,
            thresholds: thresholds(parsed),
        })
    }

    /// The path that was chosen, or the one that the program has by default.
    pub(super) fn path_or<'a>(&'a self, default: &'a str) -> &'a Path {
        self.path.as_deref().unwrap_or(Path::new(default))
    }

    /// How the log repeats the value of a switch; nothing for switches without one, and for those that are not about the log.
    pub(super) fn repeated(&self, long: &str) -> Option<String> {
        match long {
            "logfile" => Some(quoted(self.path.as_deref())),
            "owner" => {
                let owner = self.owner.as_ref().map(|(user, group)| format!("\"{user}:{group}\""));
                Some(owner.unwrap_or_default())
            }
            "mode" => Some(format!("{:o}", self.mode.unwrap_or_default())),
            _ => None,
        }
    }

    /// Opens the log.
    pub(super) fn open(&self, default: &str, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Monitor>, String> {
        let mode = self.mode.unwrap_or(MODE.into());
        let default_owner = || (OWNER.0.to_owned(), OWNER.1.to_owned());
        let file = LogFile {
            path: self.path_or(default).to_owned(),
            owner: self.owner.clone().unwrap_or_else(default_owner),
            mode: u32::try_from(mode.min(LARGEST_MODE)).unwrap_or(MODE),
        };
        if mode > LARGEST_MODE {
            return Err(format!("mode {mode:o} is too large"));
        }
        let (opened, remark) = file.open().map_err(|error| error.to_string())?;
        let log: Arc<dyn Monitor> = Arc::new(Log::new(opened, self.thresholds, Arc::clone(clock)));
        if let Some(remark) = remark {
            log.warning(remark);
        }
        Ok(log)
    }
}

fn thresholds(parsed: &Parsed) -> Thresholds {
    let disk = if parsed.has("debug") { Level::Debug } else { Level::Info };
    let screen = match (parsed.has("quiet"), parsed.has("verbose")) {
        (true, _) => None,
        (false, true) => Some(disk),
        (false, false) => Some(Level::Error),
    };
    Thresholds { disk, output: parsed.has("debug") || parsed.has("output"), screen }
}

/// The path that a switch names.
pub(super) fn path(parsed: &Parsed, long: &'static str) -> Result<Option<PathBuf>, ValueError> {
    match parsed.value(long) {
        Some(value) if value.is_empty() => Err(ValueError::Empty(long)),
        value => Ok(value.map(PathBuf::from)),
    }
}

/// How the log repeats a path.
pub(super) fn quoted(path: Option<&Path>) -> String {
    path.map(|path| format!("\"{}\"", escape::display(path))).unwrap_or_default()
}

/// `user:group`, cut at the first colon.
fn owner(value: &OsStr) -> Result<(String, String), ValueError> {
    let value = value.to_string_lossy();
    let (user, group) = value.split_once(':').ok_or(ValueError::OwnerTuple)?;
    if user.is_empty() || group.is_empty() {
        return Err(ValueError::OwnerEmpty);
    }
    Ok((user.to_owned(), group.to_owned()))
}

/// An octal number as Python reads one: blanks around it, a sign, `0o`, and `_` between digits are all allowed.
fn mode(value: &OsStr) -> Result<u128, ValueError> {
    let text = value.to_string_lossy();
    let text = text.trim();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = match text.strip_prefix("0o").or_else(|| text.strip_prefix("0O")) {
        Some(rest) => rest.strip_prefix('_').unwrap_or(rest),
        None => text,
    };
    let groups: Vec<&str> = digits.split('_').collect();
    let well_formed =
        |group: &&str| !group.is_empty() && group.bytes().all(|digit| (b'0'..b'8').contains(&digit));
    if !groups.iter().all(well_formed) {
        return Err(ValueError::Mode);
    }
    let number = u128::from_str_radix(&groups.concat(), 8).unwrap_or(u128::MAX);
    if negative && number > 0 { Err(ValueError::Mode) } else { Ok(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_python_reads_octal_numbers() {
        for (text, number) in [
            ("640", 0o640),
            (" 0o644 ", 0o644),
            ("+7_7_7", 0o777),
            ("0O_17", 0o17),
            ("-0", 0),
            ("4755", 0o4755),
        ] {
            assert_eq!(mode(OsStr::new(text)).unwrap(), number, "{text}");
        }
        assert_eq!(mode(OsStr::new(&"7".repeat(99))).unwrap(), u128::MAX);
    }
}

//! The switches of the original.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use redcedar_system::{Environment, escape};

use super::VERSION;
use super::log::Severity;
use crate::getopt::{self, GetoptError, Switch};

pub(super) const USAGE: &str = "usage: backup [-h] [-V] [-c FILE] [-L LEVEL] [-l FILE]\n";

const DETAILS: &str = "
Back up what the package manager cannot bring back.

options:
  -h, --help            show this help and exit
  -V, --version         show the version and exit
  -c, --config FILE     configuration file (default: ~/.local/etc/backup)
  -L, --log-level LEVEL the least important message in the log: DEBUG, INFO,
                        WARNING, ERROR or CRITICAL (default: INFO)
  -l, --log-file FILE   log file (default: /var/log/backup)

`redcedar snapshot` does everything else: list, restore, verify.
";

const DEFAULT_LOG: &str = "/var/log/backup";

const SWITCHES: &[Switch] = &[
    Switch { short: b'h', long: "help", has_value: false },
    Switch { short: b'V', long: "version", has_value: false },
    Switch { short: b'c', long: "config", has_value: true },
    Switch { short: b'L', long: "log-level", has_value: true },
    Switch { short: b'l', long: "log-file", has_value: true },
];

/// A command line that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum UsageError {
    #[error(transparent)]
    Syntax(#[from] GetoptError),
    #[error(
        "argument -L/--log-level: invalid choice: '{0}' (choose from DEBUG, INFO, WARNING, ERROR, CRITICAL)"
    )]
    Level(String),
    #[error("unrecognized arguments: {0}")]
    Words(String),
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// A text.
    Show(String),
    /// A backup.
    Run(Options),
}

/// How the backup is to be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) config: PathBuf,
    pub(super) log: PathBuf,
    pub(super) level: Severity,
}

pub(super) fn parse(args: Vec<OsString>, environment: &Environment) -> Result<Request, UsageError> {
    let parsed = getopt::parse(args, SWITCHES)?;
    if parsed.has("help") {
        return Ok(Request::Show(format!("{USAGE}{DETAILS}")));
    }
    if parsed.has("version") {
        return Ok(Request::Show(version()));
    }
    if !parsed.words.is_empty() {
        let words: Vec<String> = parsed.words.iter().map(|word| escape::display(word).to_string()).collect();
        return Err(UsageError::Words(words.join(" ")));
    }
    let level = match parsed.last("log-level") {
        None => Severity::Info,
        Some(level) => Severity::ALL
            .into_iter()
            .find(|severity| level == severity.name())
            .ok_or_else(|| UsageError::Level(escape::display(level).to_string()))?,
    };
    let home = environment.get("HOME").map_or(Path::new("/"), Path::new);
    Ok(Request::Run(Options {
        config: parsed.last("config").map_or_else(|| home.join(".local/etc/backup"), PathBuf::from),
        log: parsed.last("log-file").map_or_else(|| DEFAULT_LOG.into(), PathBuf::from),
        level,
    }))
}

/// Five lines, of which scripts read the first.
fn version() -> String {
    format!(
        "backup {VERSION}\n\
         This is Redcedar {}, which does what jw.backup {VERSION} does.\n\
         Copyright (C) the Redcedar developers\n\
         Licence: MIT or Apache-2.0, as you like.\n\
         There is no warranty.\n",
        env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(args: &[&str]) -> Result<Request, UsageError> {
        let environment = Environment::from_pairs([("HOME", "/home/me")]);
        parse(args.iter().map(OsString::from).collect(), &environment)
    }

    #[test]
    fn switches_are_those_of_the_original() {
        let expected = |config: &str, log: &str, level| {
            Ok(Request::Run(Options { config: config.into(), log: log.into(), level }))
        };
        assert_eq!(options(&[]), expected("/home/me/.local/etc/backup", "/var/log/backup", Severity::Info));
        for args in [
            &["-c", "c", "-l", "l", "-L", "CRITICAL"][..],
            &["-cc", "-ll", "-LCRITICAL"],
            &["--conf=c", "--log-f", "l", "--log-level=CRITICAL"],
            &["--log-level=INFO", "-c", "x", "--config", "c", "-l", "l", "-L", "CRITICAL"],
        ] {
            assert_eq!(options(args), expected("c", "l", Severity::Critical), "{args:?}");
        }
    }

    #[test]
    fn what_the_original_does_not_know_is_a_usage_error() {
        for args in [&["-x"][..], &["--log", "x"], &["-L", "info"], &["create"], &["-c"], &["--", "x"]] {
            assert!(options(args).is_err(), "{args:?}");
        }
    }

    #[test]
    fn the_version_is_five_lines_that_begin_with_that_of_the_original() {
        let Ok(Request::Show(text)) = options(&["-V"]) else { panic!("a text") };
        assert!(text.starts_with("backup 1.0.21\n"));
        assert_eq!(text.lines().count(), 5);
    }
}

//! The switches, checked.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use redcedar_engine::plan::Scope;
use redcedar_system::{Level, escape};

use super::dialect::Dialect;
use crate::getopt::{self, GetoptError, Parsed, Switch};
use crate::logging::Thresholds;

/// In the order in which the log repeats them.
const SWITCHES: &[Switch] = &[
    flag(b'h', "help"),
    flag(b'V', "version"),
    flag(b'b', "verbose"),
    flag(b'q', "quiet"),
    value(b'c', "config"),
    flag(b'f', "full"),
    flag(b'M', "managed"),
    flag(b'N', "managed-only"),
    value(b'l', "logfile"),
    value(b'o', "owner"),
    value(b'm', "mode"),
    flag(b'O', "output"),
    flag(b'd', "debug"),
    flag(b's', "stack"),
    flag(b'D', "diagnostics"),
    // Only the second original knows this one; it is the last, so that the first can do without.
    flag(b'u', "unsupported"),
];

const fn flag(short: u8, long: &'static str) -> Switch {
    Switch { short, long, has_value: false }
}

const fn value(short: u8, long: &'static str) -> Switch {
    Switch { short, long, has_value: true }
}

/// A command line that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum UsageError {
    #[error(transparent)]
    Syntax(#[from] GetoptError),
    #[error("At least one action must be specified.")]
    NoAction,
    #[error("The --managed and --managed-only options may not be combined.")]
    ManagedTwice,
    #[error("The {0} parameter must be a non-empty string.")]
    Empty(&'static str),
    #[error("Must specify user and group tuple for owner parameter.")]
    OwnerTuple,
    #[error("User and group tuple values must be non-empty strings.")]
    OwnerEmpty,
    #[error("Mode must be an octal integer >= 0. i.e. 644.")]
    Mode,
}

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) parsed: Parsed,
    pub(super) config: Option<PathBuf>,
    pub(super) logfile: Option<PathBuf>,
    pub(super) owner: Option<(String, String)>,
    /// May be larger than any mode can be; then there will be no log.
    pub(super) mode: Option<u128>,
    pub(super) actions: Vec<String>,
}

impl Options {
    /// Takes a command line with actions apart and checks it.
    pub(super) fn parse(args: Vec<OsString>, dialect: &Dialect) -> Result<Self, UsageError> {
        let options = Self::parse_switches(args, dialect)?;
        let wants_information = ["help", "version", "diagnostics"].iter().any(|name| options.has(name));
        if !wants_information && options.actions.is_empty() {
            return Err(UsageError::NoAction);
        }
        if options.has("managed") && options.has("managed-only") {
            return Err(UsageError::ManagedTwice);
        }
        Ok(options)
    }

    /// The same of a tool that has no actions: what follows the switches is not looked at.
    pub(super) fn parse_switches(args: Vec<OsString>, dialect: &Dialect) -> Result<Self, UsageError> {
        let known = if dialect.has_unsupported { SWITCHES } else { &SWITCHES[..SWITCHES.len() - 1] };
        let parsed = getopt::parse(args, known)?;
        Ok(Self {
            config: path(&parsed, "config")?,
            logfile: path(&parsed, "logfile")?,
            owner: parsed.value("owner").map(owner).transpose()?,
            mode: parsed.value("mode").map(mode).transpose()?,
            actions: parsed.words.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
            parsed,
        })
    }

    /// Whether a flag is set.
    pub(super) fn has(&self, long: &str) -> bool {
        self.parsed.has(long)
    }

    pub(super) fn scope(&self) -> Scope {
        match (self.has("managed"), self.has("managed-only")) {
            (_, true) => Scope::PeersOnly,
            (true, false) => Scope::HereAndPeers,
            (false, false) => Scope::Here,
        }
    }

    pub(super) fn thresholds(&self) -> Thresholds {
        let disk = if self.has("debug") { Level::Debug } else { Level::Info };
        let screen = match (self.has("quiet"), self.has("verbose")) {
            (true, _) => None,
            (false, true) => Some(disk),
            (false, false) => Some(Level::Error),
        };
        Thresholds { disk, output: self.has("debug") || self.has("output"), screen }
    }

    /// The command line in its normal form: long names in a fixed order, each followed by a blank.
    pub(super) fn normalised(&self) -> String {
        let mut text = String::new();
        for switch in SWITCHES.iter().filter(|switch| self.has(switch.long)) {
            let mut add = |value: &dyn std::fmt::Display| {
                let _infallible = write!(text, "--{} {value} ", switch.long);
            };
            match switch.long {
                "config" => add(&quoted(self.config.as_deref())),
                "logfile" => add(&quoted(self.logfile.as_deref())),
                "owner" => {
                    let owner = self.owner.as_ref().map(|(user, group)| format!("\"{user}:{group}\""));
                    add(&owner.unwrap_or_default());
                }
                "mode" => add(&format_args!("{:o}", self.mode.unwrap_or_default())),
                // The second original does not repeat it.
                "unsupported" => {}
                flag => {
                    let _infallible = write!(text, "--{flag} ");
                }
            }
        }
        for action in &self.actions {
            let _infallible = write!(text, "\"{action}\" ");
        }
        escape::display_bytes(text.as_bytes()).to_string()
    }
}

fn quoted(path: Option<&Path>) -> String {
    path.map(|path| format!("\"{}\"", escape::display(path))).unwrap_or_default()
}

fn path(parsed: &Parsed, long: &'static str) -> Result<Option<PathBuf>, UsageError> {
    match parsed.value(long) {
        Some(value) if value.is_empty() => Err(UsageError::Empty(long)),
        value => Ok(value.map(PathBuf::from)),
    }
}

/// `user:group`, cut at the first colon.
fn owner(value: &OsStr) -> Result<(String, String), UsageError> {
    let value = value.to_string_lossy();
    let (user, group) = value.split_once(':').ok_or(UsageError::OwnerTuple)?;
    if user.is_empty() || group.is_empty() {
        return Err(UsageError::OwnerEmpty);
    }
    Ok((user.to_owned(), group.to_owned()))
}

/// An octal number as Python reads one: blanks around it, a sign, `0o`, and `_` between digits are all allowed.
fn mode(value: &OsStr) -> Result<u128, UsageError> {
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
        return Err(UsageError::Mode);
    }
    let number = u128::from_str_radix(&groups.concat(), 8).unwrap_or(u128::MAX);
    if negative && number > 0 { Err(UsageError::Mode) } else { Ok(number) }
}

#[cfg(test)]
mod tests {
    use super::super::dialect::{CBACK, CBACK3};
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, UsageError> {
        Options::parse(args.iter().map(OsString::from).collect(), &CBACK3)
    }

    #[test]
    fn values_and_combinations_are_checked() {
        let rows = [
            (&[][..], UsageError::NoAction),
            (&["-b"], UsageError::NoAction),
            (&["-M", "-N", "collect"], UsageError::ManagedTwice),
            (&["-M", "-N", "-h"], UsageError::ManagedTwice),
            (&["-c", "", "x"], UsageError::Empty("config")),
            (&["--logfile=", "x"], UsageError::Empty("logfile")),
            (&["-o", "root", "x"], UsageError::OwnerTuple),
            (&["-o", ":adm", "x"], UsageError::OwnerEmpty),
            (&["-o", "root:", "x"], UsageError::OwnerEmpty),
            (&["-m", "999", "x"], UsageError::Mode),
            (&["-m", "rw", "x"], UsageError::Mode),
            (&["-m", "-1", "x"], UsageError::Mode),
            (&["-m", "", "x"], UsageError::Mode),
            (&["-m", "6__4", "x"], UsageError::Mode),
        ];
        for (args, error) in rows {
            assert_eq!(parse(args).unwrap_err(), error, "{args:?}");
        }
        for args in [&["-h"][..], &["-V"], &["-D", "collect"], &["-q", "-b", "x"], &["-q", "-d", "x"]] {
            assert!(parse(args).is_ok(), "{args:?}");
        }
    }

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

    #[test]
    fn the_owner_is_cut_at_the_first_colon() {
        let options = parse(&["-o", "a:b:c", "x"]).unwrap();
        assert_eq!(options.owner, Some(("a".to_owned(), "b:c".to_owned())));
    }

    #[test]
    fn the_normal_form_has_long_names_in_a_fixed_order() {
        let rows = [
            (
                &["-f", "-m", "640", "-o", "root:adm", "-c", "x.conf", "collect", "purge"][..],
                r#"--config "x.conf" --full --owner "root:adm" --mode 640 "collect" "purge" "#,
            ),
            (&["-bdOsq", "x"], r#"--verbose --quiet --output --debug --stack "x" "#),
            (&["-N", "-l", "a b", "a\nb"], "--managed-only --logfile \"a b\" \"a\\nb\" "),
        ];
        for (args, normal) in rows {
            assert_eq!(parse(args).unwrap().normalised(), normal);
        }
    }

    #[test]
    fn levels_follow_the_switches() {
        use Level::{Debug, Error, Info};
        let rows = [
            (&["x"][..], Info, false, Some(Error)),
            (&["-b", "x"], Info, false, Some(Info)),
            (&["-q", "x"], Info, false, None),
            (&["-q", "-b", "x"], Info, false, None),
            (&["-O", "x"], Info, true, Some(Error)),
            (&["-d", "x"], Debug, true, Some(Error)),
            (&["-b", "-d", "x"], Debug, true, Some(Debug)),
            (&["-q", "-d", "x"], Debug, true, None),
        ];
        for (args, disk, output, screen) in rows {
            assert_eq!(parse(args).unwrap().thresholds(), Thresholds { disk, output, screen }, "{args:?}");
        }
    }

    #[test]
    fn only_the_second_original_knows_unsupported_and_ignores_it() {
        assert!(parse(&["-u", "x"]).is_err());
        let args = ["--unsupported", "x"].iter().map(OsString::from).collect();
        assert_eq!(Options::parse(args, &CBACK).unwrap().normalised(), "\"x\" ");
    }
}

//! The switches, checked.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;

use redcedar_engine::plan::Scope;
use redcedar_system::escape;

use super::super::log_choice::{LogChoice, ValueError, path, quoted};
use super::dialect::Dialect;
use crate::getopt::{self, GetoptError, Parsed, Switch};

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

pub(in super::super) const fn flag(short: u8, long: &'static str) -> Switch {
    Switch { short, long, has_value: false }
}

pub(in super::super) const fn value(short: u8, long: &'static str) -> Switch {
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
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) parsed: Parsed,
    pub(super) config: Option<PathBuf>,
    pub(super) log: LogChoice,
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
            log: LogChoice::of(&parsed)?,
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

    /// The command line in its normal form: long names in a fixed order, each followed by a blank.
    pub(super) fn normalised(&self) -> String {
        let mut text = String::new();
        // The second original does not repeat that one.
        let repeated = |switch: &&Switch| self.has(switch.long) && switch.long != "unsupported";
        for switch in SWITCHES.iter().filter(repeated) {
            let _infallible = write!(text, "--{} ", switch.long);
            let value = match switch.long {
                "config" => Some(quoted(self.config.as_deref())),
                long => self.log.repeated(long),
            };
            if let Some(value) = value {
                let _infallible = write!(text, "{value} ");
            }
        }
        for action in &self.actions {
            let _infallible = write!(text, "\"{action}\" ");
        }
        escape::display_bytes(text.as_bytes()).to_string()
    }
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
            (&["-c", "", "x"], UsageError::Value(ValueError::Empty("config"))),
            (&["--logfile=", "x"], UsageError::Value(ValueError::Empty("logfile"))),
            (&["-o", "root", "x"], UsageError::Value(ValueError::OwnerTuple)),
            (&["-o", ":adm", "x"], UsageError::Value(ValueError::OwnerEmpty)),
            (&["-o", "root:", "x"], UsageError::Value(ValueError::OwnerEmpty)),
            (&["-m", "999", "x"], UsageError::Value(ValueError::Mode)),
            (&["-m", "rw", "x"], UsageError::Value(ValueError::Mode)),
            (&["-m", "-1", "x"], UsageError::Value(ValueError::Mode)),
            (&["-m", "", "x"], UsageError::Value(ValueError::Mode)),
            (&["-m", "6__4", "x"], UsageError::Value(ValueError::Mode)),
        ];
        for (args, error) in rows {
            assert_eq!(parse(args).unwrap_err(), error, "{args:?}");
        }
        for args in [&["-h"][..], &["-V"], &["-D", "collect"], &["-q", "-b", "x"], &["-q", "-d", "x"]] {
            assert!(parse(args).is_ok(), "{args:?}");
        }
    }

    #[test]
    fn the_owner_is_cut_at_the_first_colon() {
        let options = parse(&["-o", "a:b:c", "x"]).unwrap();
        assert_eq!(options.log.owner, Some(("a".to_owned(), "b:c".to_owned())));
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
        use redcedar_system::Level::{Debug, Error, Info};

        use crate::logging::Thresholds;
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
            assert_eq!(parse(args).unwrap().log.thresholds, Thresholds { disk, output, screen }, "{args:?}");
        }
    }

    #[test]
    fn only_the_second_original_knows_unsupported_and_ignores_it() {
        assert!(parse(&["-u", "x"]).is_err());
        let args = ["--unsupported", "x"].iter().map(OsString::from).collect();
        assert_eq!(Options::parse(args, &CBACK).unwrap().normalised(), "\"x\" ");
    }
}

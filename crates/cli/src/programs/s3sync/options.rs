//! The switches and operands, checked.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;

use redcedar_system::escape;

use super::super::cback3::options::{flag, value};
use super::super::log_choice::{LogChoice, ValueError};
use crate::getopt::{self, GetoptError, Parsed, Switch};

/// In the order in which the log repeats them.
const SWITCHES: &[Switch] = &[
    flag(b'h', "help"),
    flag(b'V', "version"),
    flag(b'b', "verbose"),
    flag(b'q', "quiet"),
    value(b'l', "logfile"),
    value(b'o', "owner"),
    value(b'm', "mode"),
    flag(b'O', "output"),
    flag(b'd', "debug"),
    flag(b's', "stack"),
    flag(b'D', "diagnostics"),
    flag(b'v', "verifyOnly"),
    flag(b'w', "ignoreWarnings"),
    // The second original does not know this one; it is the last, so that it can do without.
    flag(b'u', "uploadOnly"),
];
/// The place of `uploadOnly` in the log.
const UPLOAD_ONLY: usize = 12;

/// A command line that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum UsageError {
    #[error(transparent)]
    Syntax(#[from] GetoptError),
    #[error(transparent)]
    Value(#[from] ValueError),
    #[error("Source directory and S3 bucket URL are both required.")]
    Operands,
}

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Options {
    parsed: Parsed,
    pub(super) log: LogChoice,
    pub(super) source: PathBuf,
    pub(super) target: OsString,
}

impl Options {
    /// Takes a command line apart and checks it.
    pub(super) fn parse(args: Vec<OsString>, has_upload_only: bool) -> Result<Self, UsageError> {
        let known = if has_upload_only { SWITCHES } else { &SWITCHES[..SWITCHES.len() - 1] };
        let parsed = getopt::parse(args, known)?;
        let log = LogChoice::of(&parsed)?;
        let wants_information = ["help", "version", "diagnostics"].iter().any(|name| parsed.has(name));
        let operands = match &parsed.words[..] {
            [source, target] if !source.is_empty() && !target.is_empty() => {
                (PathBuf::from(source), target.clone())
            }
            _ if wants_information => Default::default(),
            _ => return Err(UsageError::Operands),
        };
        Ok(Self { parsed, log, source: operands.0, target: operands.1 })
    }

    /// Whether a flag is set.
    pub(super) fn has(&self, long: &str) -> bool {
        self.parsed.has(long)
    }

    /// The command line in its normal form: long names in a fixed order, each followed by a blank.
    pub(super) fn normalised(&self) -> String {
        let (first, rest) = SWITCHES.split_at(UPLOAD_ONLY);
        let (rest, upload_only) = rest.split_at(rest.len() - 1);
        let mut text = String::new();
        for switch in first.iter().chain(upload_only).chain(rest).filter(|switch| self.has(switch.long)) {
            let _infallible = write!(text, "--{} ", switch.long);
            if let Some(value) = self.log.repeated(switch.long) {
                text.push_str(&value);
                text.push(' ');
            }
        }
        for operand in [self.source.as_os_str(), &self.target] {
            let _infallible = write!(text, "\"{}\" ", escape::display(operand));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, UsageError> {
        Options::parse(args.iter().map(OsString::from).collect(), true)
    }

    #[test]
    fn two_operands_are_needed_behind_all_switches() {
        for args in [&[][..], &["a"], &["a", ""], &["a", "b", "c"], &["a", "b", "-v"]] {
            assert_eq!(parse(args), Err(UsageError::Operands), "{args:?}");
        }
        assert!(parse(&["-h"]).is_ok());
        assert_eq!(parse(&["-h", "-m", "abc"]), Err(UsageError::Value(ValueError::Mode)));
    }

    #[test]
    fn long_names_may_be_shortened_as_long_as_they_are_unique() {
        assert!(parse(&["--verify", "a", "b"]).unwrap().has("verifyOnly"));
        assert!(matches!(parse(&["--ver", "a", "b"]), Err(UsageError::Syntax(_))));
        assert!(matches!(parse(&["--verifyonly", "a", "b"]), Err(UsageError::Syntax(_))));
    }

    #[test]
    fn the_normal_form_has_long_names_in_a_fixed_order() {
        let options = parse(&["-wuvb", "-l", "x", "-o", "a:b", "-m", "644", "src", "s3://b/p"]).unwrap();
        let normal = "--verbose --logfile \"x\" --owner \"a:b\" --mode 644 --verifyOnly --uploadOnly \
                      --ignoreWarnings \"src\" \"s3://b/p\" ";
        assert_eq!(options.normalised(), normal);
    }

    #[test]
    fn only_the_first_original_can_only_upload() {
        let args = |list: &[&str]| list.iter().map(OsString::from).collect::<Vec<_>>();
        assert!(Options::parse(args(&["-u", "a", "b"]), false).is_err());
        assert!(Options::parse(args(&["-w", "a", "b"]), false).unwrap().has("ignoreWarnings"));
    }
}

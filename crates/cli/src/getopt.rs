//! POSIX `getopt` as the originals use it: switches end at the first word that is none.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A switch that a program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Switch {
    /// Its letter.
    pub(crate) short: u8,
    /// Its word.
    pub(crate) long: &'static str,
    /// Whether a value follows.
    pub(crate) has_value: bool,
}

/// A command line that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GetoptError {
    #[error("option {0} not recognized")]
    Unknown(String),
    #[error("option --{0} not a unique prefix")]
    Ambiguous(String),
    #[error("option {0} requires argument")]
    NoValue(String),
    #[error("option --{0} must not have an argument")]
    UnwantedValue(&'static str),
}

/// A command line, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// What follows the switches.
    pub(crate) words: Vec<OsString>,
    given: Vec<Given>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Given {
    long: &'static str,
    spelled_long: bool,
    value: OsString,
}

impl Parsed {
    /// Whether a switch is there.
    pub(crate) fn has(&self, long: &str) -> bool {
        self.given.iter().any(|given| given.long == long)
    }

    /// The value of a switch. The long spelling counts before the short one, the later before the earlier.
    pub(crate) fn value(&self, long: &str) -> Option<&OsStr> {
        let spelled = |as_word: bool| {
            self.given.iter().rev().find(|given| given.long == long && given.spelled_long == as_word)
        };
        spelled(true).or_else(|| spelled(false)).map(|given| given.value.as_os_str())
    }

    /// The value of a switch, of several the last, however it is spelled.
    pub(crate) fn last(&self, long: &str) -> Option<&OsStr> {
        self.given.iter().rev().find(|given| given.long == long).map(|given| given.value.as_os_str())
    }
}

/// Takes a command line apart.
pub(crate) fn parse(args: Vec<OsString>, switches: &'static [Switch]) -> Result<Parsed, GetoptError> {
    let mut args = args.into_iter().peekable();
    let mut given = Vec::new();
    while let Some(arg) = args.next_if(|arg| is_switch(arg)) {
        let bytes = arg.as_bytes();
        if bytes == b"--" {
            break;
        }
        if let Some(long) = bytes.strip_prefix(b"--") {
            given.push(parse_long(long, &mut args, switches)?);
        } else {
            parse_cluster(&bytes[1..], &mut args, switches, &mut given)?;
        }
    }
    Ok(Parsed { words: args.collect(), given })
}

fn is_switch(arg: &OsStr) -> bool {
    arg.as_bytes().starts_with(b"-") && arg != "-"
}

/// `name`, `name value`, `name=value`; `name` may be cut as long as it is unique.
fn parse_long(
    text: &[u8],
    args: &mut impl Iterator<Item = OsString>,
    switches: &'static [Switch],
) -> Result<Given, GetoptError> {
    let (name, attached) = match text.iter().position(|byte| *byte == b'=') {
        Some(equals) => (&text[..equals], Some(OsString::from_vec(text[equals + 1..].to_vec()))),
        None => (text, None),
    };
    let shown = || String::from_utf8_lossy(name).into_owned();
    let exact = switches.iter().find(|switch| switch.long.as_bytes() == name);
    let mut candidates = switches.iter().filter(|switch| switch.long.as_bytes().starts_with(name));
    let switch = match (exact, candidates.next(), candidates.next()) {
        (Some(switch), ..) | (None, Some(switch), None) => switch,
        (None, Some(_), Some(_)) => return Err(GetoptError::Ambiguous(shown())),
        (None, None, _) => return Err(GetoptError::Unknown(format!("--{}", shown()))),
    };
    let value = match (switch.has_value, attached) {
        (true, Some(value)) => value,
        (true, None) => args.next().ok_or_else(|| GetoptError::NoValue(format!("--{}", switch.long)))?,
        (false, None) => OsString::new(),
        (false, Some(_)) => return Err(GetoptError::UnwantedValue(switch.long)),
    };
    Ok(Given { long: switch.long, spelled_long: true, value })
}

/// `-bd`, `-cFILE`, `-bc FILE`.
fn parse_cluster(
    mut letters: &[u8],
    args: &mut impl Iterator<Item = OsString>,
    switches: &'static [Switch],
    given: &mut Vec<Given>,
) -> Result<(), GetoptError> {
    while let Some((letter, rest)) = letters.split_first() {
        let shown = || format!("-{}", String::from_utf8_lossy(&[*letter]));
        let switch = switches
            .iter()
            .find(|switch| switch.short == *letter)
            .ok_or_else(|| GetoptError::Unknown(shown()))?;
        let value = match (switch.has_value, rest.is_empty()) {
            (false, _) => OsString::new(),
            (true, false) => OsString::from_vec(rest.to_vec()),
            (true, true) => args.next().ok_or_else(|| GetoptError::NoValue(shown()))?,
        };
        given.push(Given { long: switch.long, spelled_long: false, value });
        letters = if switch.has_value { &[] } else { rest };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SWITCHES: &[Switch] = &[
        Switch { short: b'b', long: "verbose", has_value: false },
        Switch { short: b'V', long: "version", has_value: false },
        Switch { short: b'c', long: "config", has_value: true },
        Switch { short: b'M', long: "managed", has_value: false },
        Switch { short: b'N', long: "managed-only", has_value: false },
    ];

    fn parse(args: &[&str]) -> Result<Parsed, GetoptError> {
        super::parse(args.iter().map(OsString::from).collect(), SWITCHES)
    }

    /// Flags, value of `--config`, words.
    fn shown(args: &[&str]) -> String {
        let parsed = parse(args).unwrap();
        let flags: String = SWITCHES
            .iter()
            .filter(|switch| !switch.has_value && parsed.has(switch.long))
            .map(|switch| char::from(switch.short))
            .collect();
        let config = parsed.value("config").map_or("-".into(), |value| value.to_string_lossy());
        format!("{flags} {config} {:?}", parsed.words)
    }

    #[test]
    fn switches_end_at_the_first_word() {
        assert_eq!(shown(&["-b", "collect", "-M"]), r#"b - ["collect", "-M"]"#);
        assert_eq!(shown(&["-b", "--", "-M"]), r#"b - ["-M"]"#);
        assert_eq!(shown(&["-", "-b"]), r#" - ["-", "-b"]"#);
        assert_eq!(shown(&[]), " - []");
    }

    #[test]
    fn values_are_attached_or_follow() {
        for args in [
            &["-cF"][..],
            &["-c", "F"],
            &["-bcF"],
            &["-bc", "F"],
            &["--config", "F"],
            &["--config=F"],
            &["--conf=F"],
        ] {
            assert!(shown(args).contains(" F "), "{args:?}");
        }
        assert_eq!(shown(&["--config=a=b"]), " a=b []");
        assert_eq!(shown(&["-c", "-b", "x"]), r#" -b ["x"]"#);
    }

    #[test]
    fn the_long_spelling_counts_and_then_the_last() {
        assert!(shown(&["--config=A", "-c", "B"]).contains(" A "));
        assert!(shown(&["-c", "A", "-c", "B"]).contains(" B "));
        assert!(shown(&["--config=A", "--conf=B"]).contains(" B "));
    }

    #[test]
    fn an_exact_word_counts_before_longer_ones() {
        assert_eq!(shown(&["--managed"]), "M - []");
        assert_eq!(shown(&["--managed-"]), "N - []");
        assert_eq!(shown(&["--vers"]), "V - []");
    }

    #[test]
    fn errors_say_what_is_wrong_with_which_switch() {
        let rows = [
            (&["-x"][..], "option -x not recognized"),
            (&["-bx"], "option -x not recognized"),
            (&["--foo"], "option --foo not recognized"),
            (&["--manag", "x"], "option --manag not a unique prefix"),
            (&["--=", "x"], "option -- not a unique prefix"),
            (&["-c"], "option -c requires argument"),
            (&["--conf"], "option --config requires argument"),
            (&["--verb=x"], "option --verbose must not have an argument"),
        ];
        for (args, message) in rows {
            assert_eq!(parse(args).unwrap_err().to_string(), message, "{args:?}");
        }
    }
}

//! The names of generations: those of jw.backup, with a number where a second has two.

use std::ffi::OsStr;
use std::fmt;

use jiff::civil::DateTime;

/// What the name of a generation that is being written ends with.
pub(crate) const INCOMPLETE: &str = ".incomplete";
/// What the name of a generation that is being removed begins with.
pub(crate) const TRASH: &str = ".trash-";

const FORMAT: &str = "%Y-%m-%d-%H:%M:%S";
/// Bytes of a name without a number.
const LENGTH: usize = 19;

/// The name of a generation: the local time when it was begun, `2026-11-24-02:30:00`, and for a further one in the same second
/// `.1` and so on. Names compare by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    time: DateTime,
    number: u32,
}

impl Name {
    /// The name of a generation begun at `time`.
    pub fn new(time: DateTime, number: u32) -> Self {
        Self { time: time.with().subsec_nanosecond(0).build().unwrap_or(time), number }
    }

    /// What the name says; nothing when it is no name of a generation.
    pub fn parse(name: &OsStr) -> Option<Self> {
        let name = name.to_str()?;
        let (time, rest) = name.split_at_checked(LENGTH)?;
        let number = match rest.strip_prefix('.') {
            None if rest.is_empty() => 0,
            None => return None,
            Some(digits) => digits.parse().ok().filter(|number| *number > 0)?,
        };
        let name_of = Self { time: DateTime::strptime(FORMAT, time).ok()?, number };
        // Signs, leading zeros and blanks that parsers let pass are in no name of ours.
        (name_of.to_string() == name).then_some(name_of)
    }

    /// When it was begun, in local time.
    pub fn time(&self) -> DateTime {
        self.time
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.time.strftime(FORMAT))?;
        if self.number > 0 {
            write!(f, ".{}", self.number)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_original_and_nothing_else_is_one() {
        for text in ["2014-02-12-03:12:26", "2026-11-24-02:30:00.1", "2026-11-24-02:30:00.12"] {
            assert_eq!(Name::parse(OsStr::new(text)).unwrap().to_string(), text);
        }
        for text in [
            "2014-02-30-03:12:26",
            "2014-2-12-03:12:26",
            "2014-02-12-03:12:26.0",
            "2014-02-12-03:12:26.01",
            "2014-02-12-03:12:26.incomplete",
            "2014-02-12-03:12:26x",
            "latest",
            "",
        ] {
            assert_eq!(Name::parse(OsStr::new(text)), None, "{text}");
        }
        let name = |text: &str| Name::parse(OsStr::new(text)).unwrap();
        assert!(name("2026-11-24-02:30:00.9") < name("2026-11-24-02:30:00.10"));
        assert!(name("2026-11-24-02:30:00.9") < name("2026-11-24-02:30:01"));
    }
}

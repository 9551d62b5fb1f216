//! Whether what is gone from the source may go from the bucket, too.

use std::fmt;
use std::str::FromStr;

/// Fewer objects than this go without asking how large a part of all they are.
const FEW: u64 = 100;

/// How many objects a run may delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// So many.
    Count(u64),
    /// So much of a hundred of what is in the bucket.
    Percent(u64),
}

impl Default for Limit {
    fn default() -> Self {
        Self::Percent(50)
    }
}

/// A text that is no [`Limit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither a number nor a percentage, such as 500 or 20%")]
pub struct LimitError;

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        match text.strip_suffix('%') {
            Some(percent) => match percent.parse() {
                Ok(percent @ 0..=100) => Ok(Self::Percent(percent)),
                _ => Err(LimitError),
            },
            None => text.parse().map(Self::Count).map_err(|_| LimitError),
        }
    }
}

/// What is known when both sides are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Files in the source.
    pub(crate) local: u64,
    /// Directories and names of the source of which nobody can say what is there.
    pub(crate) unreadable: u64,
    /// Objects in the bucket.
    pub(crate) remote: u64,
    /// Objects that would go.
    pub(crate) doomed: u64,
}

/// Why nothing is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The source is empty.
    Empty,
    /// More would go than may.
    TooMany {
        /// So many.
        doomed: u64,
        /// Of so many.
        of: u64,
    },
    /// Part of the source cannot be read.
    Unreadable,
    /// Something could not be uploaded.
    Failed,
    /// The source became another directory during the run, or empty.
    Replaced,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing is deleted: ")?;
        match self {
            Self::Empty => f.write_str("the source is empty, which is how a disk looks that is not mounted"),
            Self::TooMany { doomed, of } => write!(f, "{doomed} of {of} objects would go"),
            Self::Unreadable => f.write_str("part of the source cannot be read"),
            Self::Failed => f.write_str("something could not be uploaded"),
            Self::Replaced => f.write_str("the source became another directory during the run"),
        }
    }
}

/// Decides.
pub(crate) fn judge(facts: Facts, limit: Option<Limit>) -> Option<Refusal> {
    let Facts { local, unreadable, remote, doomed } = facts;
    let too_many = Refusal::TooMany { doomed, of: remote };
    match limit {
        _ if doomed == 0 => None,
        _ if unreadable > 0 => Some(Refusal::Unreadable),
        None if local == 0 => Some(Refusal::Empty),
        None => (doomed > FEW && Limit::default().is_less_than(facts)).then_some(too_many),
        // Whoever names a limit knows what is to come.
        Some(limit) => limit.is_less_than(facts).then_some(too_many),
    }
}

impl Limit {
    fn is_less_than(self, facts: Facts) -> bool {
        match self {
            Self::Count(count) => facts.doomed > count,
            Self::Percent(percent) => {
                u128::from(facts.doomed) * 100 > u128::from(facts.remote) * u128::from(percent)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_source_deletes_nothing_unless_that_is_said() {
        let facts = Facts { local: 0, unreadable: 0, remote: 20, doomed: 20 };
        assert_eq!(judge(facts, None), Some(Refusal::Empty));
        assert_eq!(judge(facts, Some(Limit::Percent(100))), None);
        assert_eq!(judge(Facts { doomed: 0, ..facts }, None), None);
    }

    #[test]
    fn many_objects_go_only_within_the_limit() {
        let facts = Facts { local: 900, unreadable: 0, remote: 1000, doomed: 500 };
        let too_many = |doomed| Some(Refusal::TooMany { doomed, of: 1000 });
        assert_eq!(judge(facts, None), None);
        assert_eq!(judge(Facts { doomed: 501, ..facts }, None), too_many(501));
        assert_eq!(judge(facts, Some(Limit::Count(499))), too_many(500));
        assert_eq!(judge(facts, Some(Limit::Count(500))), None);
        // Of a few, all may go.
        assert_eq!(judge(Facts { local: 1, remote: 100, doomed: 99, ..facts }, None), None);
    }

    #[test]
    fn a_source_that_cannot_be_read_deletes_nothing_at_all() {
        let facts = Facts { local: 9, unreadable: 1, remote: 10, doomed: 1 };
        assert_eq!(judge(facts, Some(Limit::Percent(100))), Some(Refusal::Unreadable));
    }

    #[test]
    fn limits_are_numbers_or_percentages() {
        assert_eq!("500".parse(), Ok(Limit::Count(500)));
        assert_eq!("20%".parse(), Ok(Limit::Percent(20)));
        for text in ["", "%", "-1", "101%", "x"] {
            assert_eq!(text.parse::<Limit>(), Err(LimitError), "{text}");
        }
    }
}

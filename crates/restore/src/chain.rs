//! Which archives, oldest first, make up the state of an item. Pure: from dates and the facts of manifests to a list.

use std::fmt;

use jiff::civil::{Date, Weekday};
use redcedar_archive::manifest::{Header, Mode, RunId};
use serde::Serialize;

/// What a manifest says about its place in a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Whether it stands alone.
    pub mode: Mode,
    /// The run that made it.
    pub run: RunId,
    /// The run it builds on.
    pub baseline: Option<RunId>,
}

impl From<&Header> for Facts {
    fn from(header: &Header) -> Self {
        Self { mode: header.mode, run: header.run.clone(), baseline: header.baseline.clone() }
    }
}

/// The archives that make up a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Places in the history, oldest first.
    pub links: Vec<usize>,
    /// What has to be said about it.
    pub caveats: Vec<Caveat>,
}

/// Why a restored state may not be exactly what was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Caveat {
    /// Archives without manifests do not say what was deleted.
    DeletionsUnknown {
        /// The first day for which they do not.
        since: Date,
        /// The last one.
        until: Date,
    },
    /// Archives without manifests do not say which of them is complete.
    StartAssumed {
        /// The day whose archive is taken for a complete one.
        date: Date,
    },
    /// An increment builds on a run that is not there: what changed only in that run is missing.
    MissingBaseline {
        /// The day of the increment.
        date: Date,
        /// What it builds on.
        run: Option<RunId>,
    },
}

impl fmt::Display for Caveat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeletionsUnknown { since, until } if since == until => {
                write!(
                    f,
                    "the archive of {since} has no manifest: files deleted since the one before it may reappear"
                )
            }
            Self::DeletionsUnknown { since, until } => {
                write!(
                    f,
                    "archives of {since} to {until} have no manifests: deleted files may reappear, and a day that was missed cannot be seen"
                )
            }
            Self::StartAssumed { date } => {
                write!(
                    f,
                    "nothing says whether the archive of {date} is complete; it is taken for the beginning"
                )
            }
            Self::MissingBaseline { date, run: Some(run) } => {
                write!(
                    f,
                    "the increment of {date} builds on run {run}, which is not here: what only that run stored is missing"
                )
            }
            Self::MissingBaseline { date, run: None } => {
                write!(f, "the increment of {date} does not say what it builds on")
            }
        }
    }
}

/// Finds the chain that ends with the last of `dates`, which ascend. `facts` tells what the manifest of a place says, or
/// nothing where there is no manifest. `starting_day` is the day of the week on which the originals store everything, where
/// it is known; beginning too early is harmless, because what is newer wins.
pub fn plan(
    dates: &[Date],
    mut facts: impl FnMut(usize) -> Option<Facts>,
    starting_day: Option<Weekday>,
) -> Chain {
    let mut chain = Chain { links: Vec::new(), caveats: Vec::new() };
    let mut unmanifested = Vec::new();
    let mut next = dates.len().checked_sub(1);
    while let Some(place) = next {
        chain.links.push(place);
        next = match facts(place) {
            Some(Facts { mode: Mode::Full, .. }) => None,
            Some(Facts { baseline, .. }) => {
                let found = (0..place).rev().find(|earlier| {
                    baseline.is_some() && facts(*earlier).is_some_and(|facts| Some(facts.run) == baseline)
                });
                if let Some(found) = found {
                    // Archives of an original in between may hold what nothing else does.
                    let between: Vec<_> =
                        (found + 1..place).rev().filter(|place| facts(*place).is_none()).collect();
                    chain.links.extend(&between);
                    unmanifested.extend(between);
                } else {
                    chain.caveats.push(Caveat::MissingBaseline { date: dates[place], run: baseline });
                }
                found.or_else(|| place.checked_sub(1))
            }
            None => {
                unmanifested.push(place);
                let starts = starting_day.is_some_and(|day| dates[place].weekday() == day);
                if starts || place == 0 {
                    chain.caveats.push(Caveat::StartAssumed { date: dates[place] });
                }
                if starts { None } else { place.checked_sub(1) }
            }
        };
    }
    chain.links.reverse();
    if let (Some(last), Some(first)) = (unmanifested.first(), unmanifested.last())
        && chain.links.len() > 1
    {
        chain.caveats.push(Caveat::DeletionsUnknown { since: dates[*first], until: dates[*last] });
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn full(run: &str) -> Facts {
        Facts { mode: Mode::Full, run: run.into(), baseline: None }
    }

    fn increment(run: &str, baseline: &str) -> Facts {
        Facts { mode: Mode::Incremental, run: run.into(), baseline: Some(baseline.into()) }
    }

    /// Days from Sunday, 22 November 2026, on.
    fn planned(history: &[Option<Facts>], starting_day: Option<Weekday>) -> Chain {
        let dates: Vec<_> = (0..history.len())
            .map(|n| date(2026, 11, 22) + jiff::Span::new().days(i64::try_from(n).unwrap()))
            .collect();
        plan(&dates, |place| history[place].clone(), starting_day)
    }

    #[test]
    fn a_chain_begins_with_the_last_full_one() {
        let history = [
            Some(full("a")),
            Some(increment("b", "a")),
            Some(full("c")),
            Some(increment("d", "c")),
            Some(increment("e", "d")),
        ];
        assert_eq!(planned(&history, None), Chain { links: vec![2, 3, 4], caveats: vec![] });
        assert_eq!(planned(&history[..3], None), Chain { links: vec![2], caveats: vec![] });
    }

    #[test]
    fn increments_that_a_later_one_covers_are_not_needed() {
        let history = [Some(full("a")), Some(increment("b", "a")), Some(increment("c", "a"))];
        assert_eq!(planned(&history, None), Chain { links: vec![0, 2], caveats: vec![] });
    }

    #[test]
    fn a_gap_is_said_and_what_there_is_is_used() {
        let history = [Some(full("a")), Some(increment("c", "b"))];
        let gap = Caveat::MissingBaseline { date: date(2026, 11, 23), run: Some("b".into()) };
        assert_eq!(planned(&history, None), Chain { links: vec![0, 1], caveats: vec![gap.clone()] });
        assert_eq!(planned(&[None, Some(increment("c", "b"))], None).links, [0, 1]);
        assert!(planned(&history[1..], None).links == [0]);
    }

    #[test]
    fn without_manifests_all_archives_since_the_starting_day_are_needed() {
        let history = vec![None; 10];
        let chain = planned(&history, Some(Weekday::Sunday));
        assert_eq!(chain.links, [7, 8, 9]);
        assert_eq!(
            chain.caveats,
            [
                Caveat::StartAssumed { date: date(2026, 11, 29) },
                Caveat::DeletionsUnknown { since: date(2026, 11, 29), until: date(2026, 12, 1) }
            ]
        );
    }

    #[test]
    fn without_manifests_and_starting_day_the_first_appearance_is_the_beginning() {
        assert_eq!(planned(&vec![None; 10], None).links, (0..10).collect::<Vec<_>>());
        assert_eq!(planned(&[None], None).caveats, [Caveat::StartAssumed { date: date(2026, 11, 22) }]);
    }

    #[test]
    fn both_programs_may_take_turns() {
        let history = [
            Some(full("a")),
            None,
            Some(increment("c", "a")),
            None,
            Some(increment("e", "c")),
            Some(increment("f", "e")),
        ];
        let chain = planned(&history, Some(Weekday::Sunday));
        assert_eq!(chain.links, [0, 1, 2, 3, 4, 5]);
        assert_eq!(
            chain.caveats,
            [Caveat::DeletionsUnknown { since: date(2026, 11, 23), until: date(2026, 11, 25) }]
        );
    }

    #[test]
    fn nothing_has_no_chain() {
        assert_eq!(planned(&[], None), Chain { links: vec![], caveats: vec![] });
    }
}

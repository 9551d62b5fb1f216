//! Which revisions are dumped today: a function of what is there and what is remembered.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What is remembered beside the original's state file, which knows nothing but the last revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The path of the repository, escaped as messages show it.
    pub(super) repository: String,
    /// The identity of the repository that was dumped last.
    pub(super) uuid: Option<String>,
    /// The day of the last full dump, or the day the repository was first seen.
    pub(super) since: Option<Date>,
    /// The revisions that were dumped last.
    pub(super) dumped: Option<Dumped>,
}

/// The revisions of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Dumped {
    pub(super) first: u64,
    pub(super) last: u64,
    /// Whether the dump is known to be picked up.
    pub(super) is_acknowledged: bool,
}

/// What an increment is decided by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    /// The last revision there is.
    pub(super) youngest: u64,
    /// The identity of the repository.
    pub(super) uuid: &'a str,
    /// What we remember of this repository.
    pub(super) state: Option<&'a State>,
    /// What the original's state file says.
    pub(super) svnlast: Option<u64>,
    /// Whether everything that was dumped before is picked up.
    pub(super) is_picked_up: bool,
}

/// What is dumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Everything.
    Full(Reason),
    /// From this revision on, if there are so many.
    From(u64),
}

/// Why everything is dumped although an increment is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// There was nothing before.
    First,
    /// The repository is another one than the one that was dumped.
    OtherRepository,
    /// There are fewer revisions than were dumped.
    Younger,
    /// It is not known what was picked up.
    NotPickedUp,
}

impl Facts<'_> {
    /// What an increment has to hold: what is not known to be picked up. `dumped_by_original` is the first revision of the dump
    /// that ends where the original's state says, if that dump still waits to be picked up.
    pub(super) fn increment(&self, dumped_by_original: Option<u64>) -> Wanted {
        let Some(svnlast) = self.svnlast else { return Wanted::Full(Reason::First) };
        let is_other = |state: &State| state.uuid.as_deref().is_some_and(|uuid| uuid != self.uuid);
        if self.state.is_some_and(is_other) {
            return Wanted::Full(Reason::OtherRepository);
        }
        if svnlast > self.youngest {
            return Wanted::Full(Reason::Younger);
        }
        if self.is_picked_up {
            return Wanted::From(svnlast + 1);
        }
        match self.state.and_then(|state| state.dumped) {
            // The original may have gone on from there, or an older state have come back: the lower of the two is safe.
            Some(Dumped { last, is_acknowledged: true, .. }) => Wanted::From(last.min(svnlast) + 1),
            Some(Dumped { first, is_acknowledged: false, .. }) => Wanted::From(first.min(svnlast + 1)),
            None => match dumped_by_original {
                Some(first) => Wanted::From(first),
                None => Wanted::Full(Reason::NotPickedUp),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(first: u64, last: u64, is_acknowledged: bool) -> State {
        let dumped = Some(Dumped { first, last, is_acknowledged });
        State { repository: "/srv/a".into(), uuid: Some("u".into()), since: None, dumped }
    }

    fn wanted(state: Option<&State>, svnlast: Option<u64>, is_picked_up: bool, youngest: u64) -> Wanted {
        Facts { youngest, uuid: "u", state, svnlast, is_picked_up }.increment(None)
    }

    #[test]
    fn what_is_not_known_to_be_picked_up_is_dumped_again() {
        let (pending, fetched) = (state(6, 10, false), state(6, 10, true));
        assert_eq!(wanted(Some(&fetched), Some(10), true, 12), Wanted::From(11));
        assert_eq!(wanted(Some(&fetched), Some(10), false, 12), Wanted::From(11));
        assert_eq!(wanted(Some(&pending), Some(10), false, 12), Wanted::From(6));
        assert_eq!(wanted(Some(&state(0, 10, false)), Some(10), false, 12), Wanted::From(0));
    }

    #[test]
    fn what_the_original_did_in_between_counts_as_far_as_it_was_picked_up() {
        let (pending, fetched) = (state(6, 10, false), state(6, 10, true));
        assert_eq!(wanted(Some(&fetched), Some(12), true, 14), Wanted::From(13));
        assert_eq!(wanted(Some(&fetched), Some(12), false, 14), Wanted::From(11));
        assert_eq!(wanted(Some(&pending), Some(12), false, 14), Wanted::From(6));
        // An older working directory was restored.
        assert_eq!(wanted(Some(&fetched), Some(8), false, 14), Wanted::From(9));
        assert_eq!(wanted(Some(&pending), Some(3), false, 14), Wanted::From(4));
    }

    #[test]
    fn what_the_original_did_alone_is_taken_over_only_if_it_was_picked_up_or_still_waits() {
        assert_eq!(wanted(None, Some(10), true, 12), Wanted::From(11));
        assert_eq!(wanted(None, Some(10), false, 12), Wanted::Full(Reason::NotPickedUp));
        let facts = Facts { youngest: 12, uuid: "u", state: None, svnlast: Some(10), is_picked_up: false };
        assert_eq!(facts.increment(Some(7)), Wanted::From(7));
        assert_eq!(wanted(None, None, true, 12), Wanted::Full(Reason::First));
        assert_eq!(wanted(Some(&state(0, 10, true)), None, true, 12), Wanted::Full(Reason::First));
    }

    #[test]
    fn another_repository_in_the_same_place_is_dumped_from_its_beginning() {
        let fetched = state(6, 10, true);
        assert_eq!(wanted(Some(&fetched), Some(10), true, 3), Wanted::Full(Reason::Younger));
        assert_eq!(wanted(None, Some(10), true, 3), Wanted::Full(Reason::Younger));
        let facts =
            Facts { youngest: 12, uuid: "v", state: Some(&fetched), svnlast: Some(10), is_picked_up: true };
        assert_eq!(facts.increment(None), Wanted::Full(Reason::OtherRepository));
    }
}

//! What the facts mean: a pure function.

use std::ffi::OsStr;

use jiff::civil::Date;

use super::attempts::Attempt;
use super::facts::{Content, Facts, GoodDay, Item, PeerFacts};
use crate::schedule;

/// How many days a good day may be old when nothing says so.
const MAX_AGE: u64 = 2;
/// So many days are needed to speak of a usual size, or of what is always there.
pub(super) const USUAL_DAYS: usize = 3;
/// So many times larger or smaller than usual is suspicious.
pub(super) const FACTOR: u64 = 4;
/// Differences in size up to this are none.
const NEGLIGIBLE: u64 = 10 * 1024;
/// A weekly item is due again after so many days, and forgotten after twice as many.
const WEEK: u64 = 7;

/// What is asked for beyond the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// How many days the last good day of a peer may be old, whatever the configuration says.
    pub max_age: Option<u64>,
}

/// What has to be known of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report<'f> {
    /// Each peer, by name.
    pub peers: Vec<PeerReport<'f>>,
}

impl Report<'_> {
    /// Whether a configured peer has no good day that is young enough.
    pub fn is_overdue(&self) -> bool {
        self.peers.iter().any(|peer| peer.state == State::Overdue)
    }
}

/// What has to be known of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerReport<'f> {
    /// Its name.
    pub name: &'f OsStr,
    /// How it is.
    pub state: State,
    /// How many days its last good day may be old; none if nothing is expected.
    pub max_age: Option<u64>,
    /// Its last good day, if it has one.
    pub last: Option<Last<'f>>,
    /// The last time that it was to be staged, if that is not older.
    pub attempt: Option<&'f Attempt>,
}

/// How a peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its last good day is young enough.
    Good,
    /// It is not, or there is none.
    Overdue,
    /// Nobody expects anything of it any more: it is not in the configuration.
    Stray,
}

/// The last good day of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last<'f> {
    /// The day.
    pub day: &'f GoodDay,
    /// How many days ago that was.
    pub age: u64,
    /// The median of the days that it can be compared with and that stored something, if there are any.
    pub usual: Option<u64>,
    /// What is wrong with its size.
    pub suspicion: Option<Suspicion>,
    /// What should be there and is not.
    pub missing: Vec<Missing<'f>>,
}

/// What is wrong with a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// Less than a quarter of what is usual.
    Small,
    /// More than four times what is usual.
    Large,
}

/// An item that should be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing<'f> {
    /// The base name of its archive.
    pub item: &'f OsStr,
    /// When it was there last.
    pub last: Date,
}

/// Judges a pool as of `today`.
pub fn judge<'f>(facts: &'f Facts, today: Date, rules: &Rules) -> Report<'f> {
    let peers = facts.peers.iter().map(|(name, peer)| {
        let last = peer.good.first().map(|day| judge_day(peer, day, today));
        let attempt = peer.attempt.as_ref();
        let is_news = |attempt: &&Attempt| last.as_ref().is_none_or(|last| attempt.date >= last.day.date);
        let max_age = peer.expected.map(|expected| rules.max_age.or(expected.max_age).unwrap_or(MAX_AGE));
        let state = state(last.as_ref(), max_age);
        PeerReport { name, state, max_age, attempt: attempt.filter(is_news), last }
    });
    Report { peers: peers.collect() }
}

fn state(last: Option<&Last<'_>>, max_age: Option<u64>) -> State {
    match (max_age, last) {
        (None, _) => State::Stray,
        (Some(max_age), Some(last)) if last.age <= max_age => State::Good,
        (Some(_), _) => State::Overdue,
    }
}

fn judge_day<'f>(peer: &'f PeerFacts, day: &'f GoodDay, today: Date) -> Last<'f> {
    // A day on which nothing changed says nothing of how large a change usually is.
    let is_idle = |day: &GoodDay| day.kind().content == Content::Increment && day.bytes() == 0;
    let sizes: Vec<u64> = peer.comparable(0).filter(|day| !is_idle(day)).map(GoodDay::bytes).collect();
    let days = sizes.len();
    let usual = median(sizes);
    let is_increment = day.kind().content == Content::Increment;
    let suspicion =
        usual.filter(|_| days >= USUAL_DAYS).and_then(|usual| suspicion(day.bytes(), usual, is_increment));
    Last { day, age: days_since(day.date, today), usual, suspicion, missing: missing(peer, day) }
}

/// A day in the future counts as today.
pub(super) fn days_since(earlier: Date, later: Date) -> u64 {
    u64::try_from(schedule::days_between(earlier, later)).unwrap_or(0)
}

pub(super) fn median(mut sizes: Vec<u64>) -> Option<u64> {
    sizes.sort_unstable();
    match sizes.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sizes[odd / 2]),
        even => Some(u64::midpoint(sizes[even / 2 - 1], sizes[even / 2])),
    }
}

/// An increment may be as small as it likes: nothing need have changed.
pub(super) fn suspicion(bytes: u64, usual: u64, is_increment: bool) -> Option<Suspicion> {
    if bytes.abs_diff(usual) <= NEGLIGIBLE {
        None
    } else if bytes > usual.saturating_mul(FACTOR) {
        Some(Suspicion::Large)
    } else if bytes < usual / FACTOR && !is_increment {
        Some(Suspicion::Small)
    } else {
        None
    }
}

fn missing<'f>(peer: &'f PeerFacts, day: &GoodDay) -> Vec<Missing<'f>> {
    let same: Vec<&GoodDay> = peer.comparable(0).collect();
    let is_absent = |name: &OsStr| !day.items.contains_key(name);
    let mut missing: Vec<Missing<'_>> = Vec::new();
    if let Some(previous) = same.first() {
        let lost =
            previous.items.iter().filter(|(name, item)| is_absent(name) && is_due(name, item, day, &same));
        missing.extend(lost.map(|(item, _)| Missing { item, last: previous.date }));
    }
    for earlier in &peer.good[1..] {
        let gap = days_since(earlier.date, day.date);
        let weekly = earlier.items.iter().filter(|(_, item)| item.weekly && gap > WEEK && gap <= 2 * WEEK);
        for (item, _) in weekly.filter(|(name, _)| is_absent(name)) {
            if missing.iter().all(|missing| missing.item != item) {
                missing.push(Missing { item, last: earlier.date });
            }
        }
    }
    missing.sort_by_key(|missing| missing.item);
    missing
}

/// Whether an item of the day before must be there again. One with a manifest leaves one even when nothing changed; without
/// manifests, an item that is not there each time may have had nothing to store.
fn is_due(name: &OsStr, item: &Item, day: &GoodDay, same: &[&GoodDay]) -> bool {
    if item.weekly {
        return day.kind().weekly;
    }
    if item.mode.is_some() && day.kind().content != Content::Unknown {
        return true;
    }
    same.len() >= USUAL_DAYS && same.iter().all(|day| day.items.contains_key(name))
}

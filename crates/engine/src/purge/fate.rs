//! Which staged days stay, and why: a pure function of what is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;

use jiff::civil::{Date, DateTime, Weekday};
use redcedar_archive::manifest::RunId;
use redcedar_retention::{Moment, Policy, Reason, RetentionError, decide};
use redcedar_system::escape;

use super::jump::{self, Jump};
use crate::schedule::days_between;

/// A staged day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Day {
    pub(super) date: Date,
    /// Whether everything in it is old enough to go.
    pub(super) is_old: bool,
    /// Whether somebody has marked it to be kept.
    pub(super) is_marked: bool,
    /// What was staged of each peer.
    pub(super) peers: BTreeMap<OsString, PeerDay>,
}

/// What was staged of a peer on a day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct PeerDay {
    /// Whether that is all that it announced.
    pub(super) is_complete: bool,
    /// Its items; what a manifest says of one, if there is a readable one.
    pub(super) items: BTreeMap<OsString, Option<Link>>,
    /// Items that may build on any day since the last starting day: mail, and what is encrypted.
    pub(super) on_days: BTreeSet<OsString>,
}

/// The place of an archive in a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// The run that made it.
    pub(super) run: RunId,
    /// The run it builds on, if it does not stand alone.
    pub(super) baseline: Option<RunId>,
}

/// What decides, besides the days.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) policy: &'a Policy,
    /// Those of peers that have their own.
    pub(super) of_peers: &'a BTreeMap<OsString, Policy>,
    pub(super) retain_days: u64,
    /// The day of the week on which everything is stored.
    pub(super) starting_day: Weekday,
    /// Peers whose days stay because something is wrong with the last ones.
    pub(super) held: &'a BTreeSet<OsString>,
    pub(super) now: DateTime,
}

/// What becomes of a staged day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// The day.
    pub date: Date,
    /// Why it stays; without a reason it goes.
    pub reasons: Vec<Why>,
}

impl Fate {
    /// Whether it goes.
    pub fn goes(&self) -> bool {
        self.reasons.is_empty()
    }
}

/// Why a day stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Something in it is younger than `retain_days`.
    Young,
    /// A rule of the configuration wants it for at least one peer.
    Rule(Reason),
    /// A rule that only this peer has wants it.
    RuleOf {
        /// The peer.
        peer: OsString,
        /// The rule.
        reason: Reason,
    },
    /// There is `redcedar.keep` in it.
    Marked,
    /// It is the last complete day of these peers or, if they have none, the last on which anything was staged.
    Newest(Vec<OsString>),
    /// The archive of an item on a later day, which stays, builds on the one that is here.
    Needed {
        /// The later day.
        by: Date,
        /// The peer.
        peer: OsString,
        /// The item.
        item: OsString,
    },
    /// The clock seems to have jumped since.
    Jump(Jump),
    /// What these peers staged last is unlike what they staged before.
    Held(Vec<OsString>),
}

impl Why {
    /// The reason in one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Young => "young",
            Self::Rule(_) | Self::RuleOf { .. } => "rule",
            Self::Marked => "marked",
            Self::Newest(_) => "newest",
            Self::Needed { .. } => "needed",
            Self::Jump(_) => "jump",
            Self::Held(_) => "held",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Young => write!(f, "young"),
            Self::Rule(reason) => write!(f, "{reason}"),
            Self::RuleOf { peer, reason } => write!(f, "{reason}, for {}", escape::display(peer)),
            Self::Marked => write!(f, "marked by redcedar.keep"),
            Self::Newest(peers) => write!(f, "the newest of {}", names(peers)),
            Self::Needed { by, peer, item } => {
                let (peer, item) = (escape::display(peer), escape::display(item));
                write!(f, "{item} of {peer} on {by} builds on it")
            }
            Self::Jump(jump) => write!(f, "{jump}"),
            Self::Held(peers) => write!(f, "held: what was staged last is unusual for {}", names(peers)),
        }
    }
}

fn names(peers: &[OsString]) -> String {
    let names: Vec<_> = peers.iter().map(|peer| escape::display(peer).to_string()).collect();
    names.join(", ")
}

/// Decides about each of `days`, which ascend.
///
/// # Errors
/// When one of them lies more than a day in the future.
pub(super) fn fates(days: &[Day], rules: &Rules<'_>) -> Result<Vec<Fate>, RetentionError> {
    let today = rules.now.date();
    if let Some(last) = days.last().filter(|last| days_between(today, last.date) > 1) {
        return Err(RetentionError::Clock { newest: last.date.into(), now: rules.now });
    }
    let mut reasons: Vec<Vec<Why>> = days.iter().map(Day::own_reasons).collect();
    let peers: BTreeSet<&OsString> = days.iter().flat_map(|day| day.peers.keys()).collect();
    let mut newest: BTreeMap<usize, Vec<OsString>> = BTreeMap::new();
    for peer in peers {
        let own = rules.of_peers.get(peer);
        for (place, reason) in wanted(days, peer, own.unwrap_or(rules.policy), rules.now)? {
            let why = match own {
                Some(_) => Why::RuleOf { peer: peer.clone(), reason },
                None => Why::Rule(reason),
            };
            if !reasons[place].contains(&why) {
                reasons[place].push(why);
            }
        }
        newest.entry(newest_of(days, peer)).or_default().push(peer.clone());
    }
    for (place, peers) in newest {
        reasons[place].push(Why::Newest(peers));
    }
    let dates: Vec<Date> = days.iter().map(|day| day.date).collect();
    if let Some((jump, before)) = jump::find(&dates, today, rules.retain_days) {
        reasons[..before].iter_mut().for_each(|reasons| reasons.push(Why::Jump(jump)));
    }
    for (day, reasons) in days.iter().zip(&mut reasons) {
        let held: Vec<OsString> =
            day.peers.keys().filter(|peer| rules.held.contains(*peer)).cloned().collect();
        if !held.is_empty() {
            reasons.push(Why::Held(held));
        }
    }
    add_needed(days, &mut reasons, rules.starting_day);
    Ok(days.iter().zip(reasons).map(|(day, reasons)| Fate { date: day.date, reasons }).collect())
}

impl Day {
    fn own_reasons(&self) -> Vec<Why> {
        let young = (!self.is_old).then_some(Why::Young);
        let marked = self.is_marked.then_some(Why::Marked);
        young.into_iter().chain(marked).collect()
    }

    fn is_complete(&self, peer: &OsStr) -> bool {
        self.peers.get(peer).is_some_and(|peer| peer.is_complete)
    }

    fn link(&self, peer: &OsStr, item: &OsStr) -> Option<&Link> {
        self.peers.get(peer)?.items.get(item)?.as_ref()
    }

    fn has(&self, peer: &OsStr, item: &OsStr) -> bool {
        let of_peer = self.peers.get(peer);
        of_peer.is_some_and(|of_peer| of_peer.on_days.contains(item) || of_peer.items.contains_key(item))
    }

    /// Whether there is something of an item of which no manifest says what it is.
    fn is_unclear(&self, peer: &OsStr, item: &OsStr) -> bool {
        self.peers.get(peer).and_then(|peer| peer.items.get(item)).is_some_and(Option::is_none)
    }
}

/// The complete days of a peer that the rules want. A day on which staging failed must not take the place of a good one.
fn wanted(
    days: &[Day],
    peer: &OsStr,
    policy: &Policy,
    now: DateTime,
) -> Result<Vec<(usize, Reason)>, RetentionError> {
    if policy.is_empty() {
        return Ok(Vec::new());
    }
    let complete: Vec<usize> = (0..days.len()).filter(|place| days[*place].is_complete(peer)).collect();
    let moments: Vec<Moment> =
        complete.iter().map(|place| Moment { time: days[*place].date.into(), is_protected: false }).collect();
    let reasons = decide(policy, &moments, now)?;
    let of_rules = |reason: &Reason| *reason != Reason::Newest;
    let wanted = complete
        .into_iter()
        .zip(reasons)
        .flat_map(|(place, reasons)| reasons.into_iter().filter(of_rules).map(move |reason| (place, reason)));
    Ok(wanted.collect())
}

/// The last complete day of a peer that is there or, if it has none, its last one.
fn newest_of(days: &[Day], peer: &OsStr) -> usize {
    let complete = days.iter().rposition(|day| day.is_complete(peer));
    complete.or_else(|| days.iter().rposition(|day| day.peers.contains_key(peer))).unwrap_or_default()
}

/// Adds what days that stay build on: the run that an increment names, and whatever of the item lies between, as long as no
/// manifest says that it does not matter. From the newest day to the oldest, so that what is needed has its needs, too.
fn add_needed(days: &[Day], reasons: &mut [Vec<Why>], starting_day: Weekday) {
    for place in (0..days.len()).rev() {
        if reasons[place].is_empty() {
            continue;
        }
        let by = days[place].date;
        for (peer, of_peer) in &days[place].peers {
            let by_links = of_peer.items.iter().flat_map(|(item, link)| {
                needs(days, place, peer, item, link.as_ref()).into_iter().map(move |needed| (item, needed))
            });
            let on_days = of_peer.on_days.iter().flat_map(|item| {
                days_below(days, place, peer, item, starting_day)
                    .into_iter()
                    .map(move |needed| (item, needed))
            });
            for (item, needed) in by_links.chain(on_days) {
                let is_needed = |why: &Why| matches!(why, Why::Needed { .. });
                if !reasons[needed].iter().any(is_needed) {
                    reasons[needed].push(Why::Needed { by, peer: peer.clone(), item: item.clone() });
                }
            }
        }
    }
}

fn needs(days: &[Day], place: usize, peer: &OsStr, item: &OsStr, link: Option<&Link>) -> Vec<usize> {
    let Some(baseline) = link.and_then(|link| link.baseline.as_ref()) else { return Vec::new() };
    let is_baseline = |day: &Day| day.link(peer, item).is_some_and(|link| link.run == *baseline);
    let Some(found) = days[..place].iter().rposition(is_baseline) else { return Vec::new() };
    let between = (found + 1..place).filter(|between| days[*between].is_unclear(peer, item));
    std::iter::once(found).chain(between).collect()
}

/// What an item may build on that does not say it: all it has, back to the last starting day. After a week a full backup is
/// due, whatever day it is.
fn days_below(days: &[Day], place: usize, peer: &OsStr, item: &OsStr, starting_day: Weekday) -> Vec<usize> {
    let begins = |place: usize| days[place].date.weekday() == starting_day;
    if begins(place) {
        return Vec::new();
    }
    let has = |earlier: &usize| days[*earlier].has(peer, item);
    let is_recent = |earlier: &usize| days_between(days[*earlier].date, days[place].date) <= 7;
    let earlier = (0..place).rev().take_while(is_recent).filter(has);
    let mut below = Vec::new();
    for earlier in earlier {
        below.push(earlier);
        if begins(earlier) {
            break;
        }
    }
    below
}

#[cfg(test)]
mod tests;

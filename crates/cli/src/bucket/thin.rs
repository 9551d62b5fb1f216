//! Which days of a place stay, and why.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use jiff::civil::{Date, DateTime, Weekday};
use redcedar_archive::manifest::{ManifestError, ManifestReader};
use redcedar_restore::chain::{self, Facts};
use redcedar_restore::{Day, OtherKind, Source, StoredItem};
use redcedar_retention::{Moment, Policy, Reason, RetentionError, decide};
use redcedar_system::escape;

/// What becomes of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) date: Date,
    /// Why it stays; without a reason it goes.
    pub(crate) reasons: Vec<Why>,
}

/// Why a day stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// A rule wants it for at least one machine.
    Rule(Reason),
    /// It is the newest of a machine.
    Newest(String),
    /// What stays of a later day builds on it, or may do so.
    Needed(Date),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(reason) => write!(f, "{reason}"),
            Self::Newest(machine) => write!(f, "the newest of {machine}"),
            Self::Needed(by) => write!(f, "{by} builds on it"),
        }
    }
}

/// Why nothing is decided.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ThinError {
    #[error(transparent)]
    Clock(#[from] RetentionError),
    #[error("cannot see what a backup builds on, so nothing is removed: {0}")]
    Unreadable(ManifestError),
}

/// What decides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) policy: Policy,
    /// The day of the week on which everything is backed up, where that is known: what has no manifest builds on nothing older.
    pub(crate) starting_day: Option<Weekday>,
    pub(crate) now: DateTime,
}

/// Decides about each day, oldest first. Machines are looked at one by one, and a day stays if it stays for one of them.
pub(crate) fn fates(source: &Source, rules: &Rules) -> Result<Vec<Fate>, ThinError> {
    let mut reasons: BTreeMap<Date, Vec<Why>> =
        source.days().iter().map(|day| (day.date, Vec::new())).collect();
    for machine in source.peers() {
        for (date, why) in of_machine(source, machine, rules)? {
            let reasons = reasons.entry(date).or_default();
            if !reasons.contains(&why) {
                reasons.push(why);
            }
        }
    }
    let stay = |date: &Date| reasons.get(date).is_some_and(|reasons| !reasons.is_empty());
    let kept: Vec<Date> = reasons.keys().copied().filter(stay).collect();
    let mut needed = Vec::new();
    let histories = Histories { source, starting_day: rules.starting_day, known: RefCell::default() };
    for date in kept {
        for machine in source.peers() {
            needed.extend(histories.needed(machine, date)?.into_iter().map(|below| (below, date)));
        }
    }
    for (below, by) in needed {
        let reasons = reasons.entry(below).or_default();
        if reasons.is_empty() {
            reasons.push(Why::Needed(by));
        }
    }
    Ok(reasons.into_iter().map(|(date, reasons)| Fate { date, reasons }).collect())
}

/// What the rules want of a machine, and its newest day.
fn of_machine(source: &Source, machine: &OsStr, rules: &Rules) -> Result<Vec<(Date, Why)>, ThinError> {
    let has = |day: &&Day| day.peers.iter().any(|peer| peer.name == machine);
    let dates: Vec<Date> = source.days().iter().filter(has).map(|day| day.date).collect();
    let moment = |date: &Date| Moment { time: date.at(0, 0, 0, 0), is_protected: false };
    let moments: Vec<Moment> = dates.iter().map(moment).collect();
    let decided = decide(&rules.policy, &moments, rules.now)?;
    let wanted = dates.iter().zip(decided).flat_map(|(date, reasons)| {
        let rules = reasons.into_iter().filter(|reason| *reason != Reason::Newest);
        rules.map(|reason| (*date, Why::Rule(reason)))
    });
    let newest = dates.iter().max().map(|date| (*date, Why::Newest(escape::display(machine).to_string())));
    Ok(wanted.chain(newest).collect())
}

struct Histories<'a> {
    source: &'a Source,
    starting_day: Option<Weekday>,
    /// What manifests say that were read before, by their paths.
    known: RefCell<HashMap<PathBuf, Option<Facts>>>,
}

impl Histories<'_> {
    /// The earlier days on which builds what a machine has on a day.
    fn needed(&self, machine: &OsStr, date: Date) -> Result<Vec<Date>, ThinError> {
        let Some(day) = self.source.days().iter().find(|day| day.date == date) else { return Ok(Vec::new()) };
        let Some(peer) = day.peers.iter().find(|peer| peer.name == machine) else { return Ok(Vec::new()) };
        let mut needed = Vec::new();
        for item in &peer.items {
            let history = self.source.history(machine, &item.name, Some(date));
            let facts: Vec<_> = history.iter().map(|item| self.facts(item)).collect::<Result<_, _>>()?;
            let dates: Vec<Date> = history.iter().map(|item| item.date).collect();
            needed.extend(self.chain(&dates, |place| facts[place].clone()));
        }
        for kind in [OtherKind::Subversion, OtherKind::Git, OtherKind::Mercurial, OtherKind::Mbox] {
            let has = |day: &&Day| {
                day.date <= date
                    && day.peers.iter().any(|peer| {
                        peer.name == machine && peer.others.iter().any(|(_, other)| *other == kind)
                    })
            };
            let dates: Vec<Date> = self.source.days().iter().filter(has).map(|day| day.date).collect();
            if dates.last() == Some(&date) {
                needed.extend(self.chain(&dates, |_| None));
            }
        }
        needed.retain(|below| *below < date);
        Ok(needed)
    }

    fn chain(&self, dates: &[Date], facts: impl FnMut(usize) -> Option<Facts>) -> Vec<Date> {
        chain::plan(dates, facts, self.starting_day).links.into_iter().map(|place| dates[place]).collect()
    }

    /// What the manifest of an item says. One that cannot be understood, because it is encrypted say, says nothing.
    fn facts(&self, item: &StoredItem) -> Result<Option<Facts>, ThinError> {
        let Some(manifest) = &item.manifest else { return Ok(None) };
        if let Some(facts) = self.known.borrow().get(manifest.path()) {
            return Ok(facts.clone());
        }
        let facts = match manifest.open().map_err(ManifestError::from).and_then(ManifestReader::open) {
            Ok(reader) => Some(Facts::from(reader.header())),
            Err(error) if is_of_bucket(&error) => return Err(ThinError::Unreadable(error)),
            Err(_) => None,
        };
        self.known.borrow_mut().insert(manifest.path().to_owned(), facts.clone());
        Ok(facts)
    }
}

/// Whether it is the bucket that does not answer, and not the manifest that says nothing.
fn is_of_bucket(error: &ManifestError) -> bool {
    let ManifestError::Io(error) = error else { return false };
    let mut cause: Option<&(dyn Error + 'static)> = error.get_ref().map(|error| error as _);
    while let Some(error) = cause {
        if error.is::<redcedar_objectstore::Error>() {
            return true;
        }
        cause = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner as _),
            None => error.source(),
        };
    }
    false
}

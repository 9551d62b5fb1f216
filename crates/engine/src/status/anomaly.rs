//! Whether what was staged is unlike what was staged before: a pure function. Somebody may have deleted or encrypted what is
//! backed up, and the days that are to go may be the last good ones.

use std::ffi::{OsStr, OsString};
use std::fmt;

use jiff::civil::Date;
use redcedar_archive::manifest::{Mode, Tally};
use redcedar_system::escape;

use super::facts::{Content, GoodDay, PeerFacts};
use super::judge::{FACTOR, USUAL_DAYS, days_since, median, suspicion};

/// So long after it was staged an anomaly counts: who reads the messages once a week has to have read them.
pub(super) const WEEK: u64 = 7;
/// With so many earlier archives of the same kind an item is compared. Their manifests are read to the end, so they are few.
pub(super) const COMPARED: usize = 5;
/// Fewer files than this may come and go.
const FEW_FILES: u64 = 20;
/// An increment that stores so much of the item, in per cent, is unusual: an upgrade of a machine stays below.
const CHANGED: u64 = 50;
/// So much of an item does not disappear in a day, in per cent, unless somebody moves or deletes a whole tree.
const GONE: u64 = 25;
/// Shares that are not so many times larger than usual are none to speak of.
const SHARE_FACTOR: u64 = 2;
/// When an archive shrinks so much less than usual, in per cent of what went into it, a quarter of the content has turned into
/// something that looks like noise.
const SHRINKS_LESS: u64 = 25;
/// What shrinks less says nothing of an increment that stores less of the item than this, in per cent: it may be photographs.
const SOME: u64 = 10;
/// Archives below this size shrink by accident.
const SMALL_ARCHIVE: u64 = 1 << 20;

/// Something unusual about what was staged of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anomaly {
    /// The day.
    pub day: Date,
    /// The item; none for all of the peer.
    pub item: Option<OsString>,
    /// What is unusual.
    pub kind: AnomalyKind,
    /// How much it is.
    pub value: u64,
    /// How much it usually is.
    pub usual: u64,
}

/// What is unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnomalyKind {
    /// The size in bytes.
    Size,
    /// The number of files.
    Files,
    /// How much of the item has changed, in per cent of its files.
    Changed,
    /// How much of the item is gone, in per cent of its files.
    Gone,
    /// To how much the archive could be compressed, in per cent of what went into it.
    Compressed,
}

impl AnomalyKind {
    /// The kind in one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Files => "files",
            Self::Changed => "changed",
            Self::Gone => "gone",
            Self::Compressed => "compressed",
        }
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { day, value, usual, .. } = self;
        match &self.item {
            Some(item) => write!(f, "{} on {day}: ", escape::display(item))?,
            None => write!(f, "all of {day}: ")?,
        }
        match self.kind {
            AnomalyKind::Size => write!(f, "{value} bytes, usually {usual}"),
            AnomalyKind::Files => write!(f, "{value} files, usually {usual}"),
            AnomalyKind::Changed => write!(f, "{value}% of the files changed, usually {usual}%"),
            AnomalyKind::Gone => write!(f, "{value}% of the files are gone, usually {usual}%"),
            AnomalyKind::Compressed => {
                write!(f, "compressed to {value}% only, usually to {usual}%: it may be encrypted")
            }
        }
    }
}

/// What is unusual on the good days of the last week before the last one, newest first. `tally` counts what a manifest speaks
/// of; it knows nothing where there is none that can be read.
pub(super) fn anomalies(
    peer: &PeerFacts,
    mut tally: impl FnMut(Date, &OsStr) -> Option<Tally>,
) -> Vec<Anomaly> {
    let Some(last) = peer.good.first() else { return Vec::new() };
    let mut found = Vec::new();
    for (place, day) in peer.good.iter().enumerate() {
        if days_since(day.date, last.date) >= WEEK {
            break;
        }
        found.extend(of_day(peer, place));
        for name in day.items.keys() {
            found.extend(
                Comparison::new(&peer.good[place..], name, &mut tally)
                    .into_iter()
                    .flat_map(Comparison::found),
            );
        }
    }
    found
}

/// Whether the size of all items is unusual where no manifest says anything. Days that hold everything and increments cannot be
/// told from each other then: only where all days are of about one size, another size is unusual.
fn of_day(peer: &PeerFacts, place: usize) -> Option<Anomaly> {
    let day = &peer.good[place];
    let sizes: Vec<u64> = peer.comparable(place).map(GoodDay::bytes).collect();
    let (least, most) = (sizes.iter().min()?, sizes.iter().max()?);
    let is_steady = sizes.len() >= USUAL_DAYS && least.saturating_mul(FACTOR) >= *most;
    if day.kind().content != Content::Unknown || !is_steady {
        return None;
    }
    let usual = median(sizes)?;
    suspicion(day.bytes(), usual, false)?;
    Some(Anomaly { day: day.date, item: None, kind: AnomalyKind::Size, value: day.bytes(), usual })
}

/// An archive, and earlier ones of the same item and kind.
struct Comparison<'a> {
    day: &'a GoodDay,
    name: &'a OsStr,
    mode: Mode,
    history: Vec<&'a GoodDay>,
    own: Tally,
    /// Of the history, as far as manifests can be read.
    past: Vec<Tally>,
    /// How many files the item had when it was stored as a whole last.
    files: Option<u64>,
}

impl<'a> Comparison<'a> {
    /// Compares an item of the first of `days`, which come newest first.
    fn new(
        days: &'a [GoodDay],
        name: &'a OsStr,
        tally: &mut impl FnMut(Date, &OsStr) -> Option<Tally>,
    ) -> Option<Self> {
        let (day, earlier) = days.split_first()?;
        let mode = day.items.get(name)?.mode?;
        let of_mode = |day: &&GoodDay, mode| day.items.get(name).is_some_and(|item| item.mode == Some(mode));
        let history: Vec<&GoodDay> = earlier.iter().filter(|day| of_mode(day, mode)).take(COMPARED).collect();
        if history.len() < USUAL_DAYS {
            return None;
        }
        let own = tally(day.date, name)?;
        let past = history.iter().filter_map(|day| tally(day.date, name)).collect();
        let whole = earlier.iter().find(|day| of_mode(day, Mode::Full));
        let files = whole.and_then(|day| tally(day.date, name)).map(|tally| tally.present);
        Some(Self { day, name, mode, history, own, past, files })
    }

    fn found(self) -> Vec<Anomaly> {
        let of_kind = match self.mode {
            Mode::Full => [self.files(), None],
            Mode::Incremental => [self.changed(), self.gone()],
        };
        of_kind.into_iter().chain([self.size(), self.compressed()]).flatten().collect()
    }

    fn anomaly(&self, kind: AnomalyKind, value: u64, usual: u64) -> Anomaly {
        Anomaly { day: self.day.date, item: Some(self.name.to_owned()), kind, value, usual }
    }

    /// The median of something in the history, if it is long enough to speak of what is usual.
    fn usual(&self, value: impl Fn(&Tally) -> Option<u64>) -> Option<u64> {
        let values: Vec<u64> = self.past.iter().filter_map(value).collect();
        if values.len() < USUAL_DAYS { None } else { median(values) }
    }

    fn size(&self) -> Option<Anomaly> {
        let bytes = |day: &GoodDay| day.items.get(self.name).map_or(0, |item| item.bytes);
        let is_increment = self.mode == Mode::Incremental;
        let sizes = self.history.iter().map(|day| bytes(day)).filter(|bytes| !is_increment || *bytes > 0);
        let sizes: Vec<u64> = sizes.collect();
        let usual = if sizes.len() < USUAL_DAYS { None } else { median(sizes) }?;
        suspicion(bytes(self.day), usual, is_increment)?;
        Some(self.anomaly(AnomalyKind::Size, bytes(self.day), usual))
    }

    fn files(&self) -> Option<Anomaly> {
        let usual = self.usual(|tally| Some(tally.present))?;
        let files = self.own.present;
        let is_unusual =
            files.abs_diff(usual) >= FEW_FILES && (files < usual / 2 || files > usual.saturating_mul(FACTOR));
        is_unusual.then(|| self.anomaly(AnomalyKind::Files, files, usual))
    }

    fn changed(&self) -> Option<Anomaly> {
        self.share(AnomalyKind::Changed, CHANGED, |tally| tally.present)
    }

    fn gone(&self) -> Option<Anomaly> {
        self.share(AnomalyKind::Gone, GONE, |tally| tally.gone)
    }

    fn share(&self, kind: AnomalyKind, limit: u64, count: impl Fn(&Tally) -> u64) -> Option<Anomaly> {
        let files = self.files?;
        let usual = percent(self.usual(|tally| Some(count(tally)))?, files)?;
        let share = percent(count(&self.own), files)?;
        let is_unusual =
            count(&self.own) >= FEW_FILES && share >= limit && share >= usual.saturating_mul(SHARE_FACTOR);
        is_unusual.then(|| self.anomaly(kind, share, usual))
    }

    fn compressed(&self) -> Option<Anomaly> {
        let usual = self.usual(compressed_to)?;
        let own = compressed_to(&self.own)?;
        if self.mode == Mode::Incremental && percent(self.own.present, self.files?)? < SOME {
            return None;
        }
        (own >= usual + SHRINKS_LESS).then(|| self.anomaly(AnomalyKind::Compressed, own, usual))
    }
}

fn compressed_to(tally: &Tally) -> Option<u64> {
    let before = tally.trailer.uncompressed_size.filter(|size| *size >= SMALL_ARCHIVE)?;
    percent(tally.trailer.archive_size?, before)
}

fn percent(part: u64, whole: u64) -> Option<u64> {
    part.saturating_mul(100).checked_div(whole)
}

#[cfg(test)]
mod tests;

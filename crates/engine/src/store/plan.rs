//! Which days go to the disc, and whether a disc begins with them: pure functions of the calendar, the staged days and what
//! is in the drive.

use jiff::Span;
use jiff::civil::{Date, Weekday};
use redcedar_config::value::BlankMode;
use redcedar_media::label;
use redcedar_media::writer::{Medium, State};

/// A staged day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) date: Date,
    /// Whether it has been stored.
    pub(super) is_stored: bool,
}

/// How many days back, today not counted, a day is looked for that has not been stored.
const LOOK_BACK: i8 = 6;

/// The days that are due, oldest first: all of the last seven days and tomorrow that are staged and not stored. The originals
/// take the first of today, yesterday and tomorrow and leave the others.
pub(super) fn due(days: &[Day], today: Date, full: bool) -> Vec<Date> {
    let is_due = |day: &&Day| {
        if full {
            // Once more, whatever has been stored.
            return day.date == today;
        }
        !day.is_stored && day.date >= shifted(today, -LOOK_BACK) && day.date <= shifted(today, 1)
    };
    let mut due: Vec<_> = days.iter().filter(is_due).map(|day| day.date).collect();
    due.sort_unstable();
    due
}

/// The staged days of the current week, the latest first.
pub(super) fn of_this_week(days: &[Day], today: Date, starting_day: Weekday) -> Vec<Date> {
    let first = week_of(today, starting_day);
    let mut week: Vec<_> =
        days.iter().map(|day| day.date).filter(|date| (first..=today).contains(date)).collect();
    week.sort_unstable_by(|a, b| b.cmp(a));
    week
}

/// The first day of the backup week in which a day is.
pub(super) fn week_of(date: Date, starting_day: Weekday) -> Date {
    shifted(date, -starting_day.until(date.weekday()))
}

fn shifted(date: Date, days: i8) -> Date {
    date.saturating_add(Span::new().days(days))
}

/// When a disc is to begin before the week ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Blanking {
    pub(super) mode: Option<BlankMode>,
    pub(super) factor: f64,
}

impl Blanking {
    /// Whether it is asked on a day, which may be the first of its week.
    fn is_day(&self, is_first: bool) -> bool {
        match self.mode {
            Some(BlankMode::Daily) => true,
            Some(BlankMode::Weekly) => is_first,
            None => false,
        }
    }

    /// Whether there is so little room that the disc is blanked: the arithmetic of the originals.
    pub(super) fn is_tight(&self, available: f64, required: f64) -> bool {
        available / (1.0 + required) <= self.factor
    }
}

/// What is known when it is decided whether a disc begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) full: bool,
    pub(super) starting_day: Weekday,
    /// The days that are due. There is one.
    pub(super) due: &'a [Date],
    /// All that are staged.
    pub(super) staged: &'a [Day],
    /// The day on which we began the last disc, if we have written it down.
    pub(super) begun: Option<Date>,
    /// The label of the disc in the drive.
    pub(super) label: Option<&'a str>,
    pub(super) blanking: Option<Blanking>,
}

/// Whether a disc begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Choice {
    New(Why),
    Append,
    /// A new one if there is too little room for what may yet come.
    NewIfTight(Blanking),
}

/// Why a disc begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It was asked for.
    Asked,
    /// Nothing of the week has been stored.
    FirstOfWeek,
    /// There would be no room for what may yet come.
    Tight,
    /// The disc in the drive is empty.
    Empty,
}

/// Decides whether a disc begins. A healthy week gets the discs that the originals give it; in others the day that is stored
/// counts, not the day on which that happens.
pub(super) fn choose(facts: &Facts<'_>) -> Choice {
    let is_first = is_first_of_week(facts);
    match facts.blanking {
        _ if facts.full => Choice::New(Why::Asked),
        Some(blanking) if blanking.is_day(is_first) => Choice::NewIfTight(blanking),
        None if is_first => Choice::New(Why::FirstOfWeek),
        Some(_) | None => Choice::Append,
    }
}

/// Whether no disc has been begun for the week of the latest day that is due: neither by us, nor by the label of the disc in
/// the drive, nor (where we know of no disc) by days that are marked as stored.
fn is_first_of_week(facts: &Facts<'_>) -> bool {
    let Some(latest) = facts.due.iter().max() else { return false };
    let first = week_of(*latest, facts.starting_day);
    let labelled = facts.label.and_then(label::date);
    let stored = facts.staged.iter().filter(|day| day.is_stored && facts.begun.is_none()).map(|day| day.date);
    !facts.begun.into_iter().chain(labelled).chain(stored).any(|begun| begun >= first)
}

/// Whether the session that is to be written will be the first one, or why nothing can be written.
pub(super) fn begins(is_new: bool, medium: &Medium, is_rewritable: bool) -> Result<bool, String> {
    let insert = if is_rewritable { "insert another disc" } else { "insert an empty disc" };
    match &medium.state {
        State::Blank => Ok(true),
        State::Unreadable(_) => Ok(is_new),
        State::Appendable | State::Closed | State::Foreign if is_new && is_rewritable => Ok(true),
        _ if is_new => Err(format!(
            "a new disc is to begin, and the one in the drive is written and cannot be blanked; {insert}"
        )),
        State::Appendable => Ok(false),
        State::Closed => Err(format!(
            "nothing can be added to the disc in the drive: it is closed; {insert}, or run rebuild"
        )),
        State::Foreign => Err(format!(
            "the disc in the drive holds something else than a file system for discs; {insert}, or run initialize"
        )),
    }
}

/// Whether the disc may be written to where `check_media` is set: by its label, as the originals judge it.
pub(super) fn check_media(label: Option<&str>, is_rewritable: bool) -> Result<(), String> {
    match label {
        Some(label) if label::is_ours(label) => Ok(()),
        Some(label) => Err(format!(
            "the disc in the drive is called [{label}], which is none of ours, and check_media is set"
        )),
        None if is_rewritable => Err(
            "the disc in the drive has no label, and check_media is set; prepare it with the action initialize".to_owned(),
        ),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;

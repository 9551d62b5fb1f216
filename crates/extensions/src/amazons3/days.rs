//! Which days are sent: a pure function of what is known of them.

use std::ffi::OsStr;
use std::io;

use jiff::Span;
use jiff::civil::Date;
use redcedar_engine::{daily_dir, indicator};
use redcedar_system::fs::Directory;

use super::INDICATOR;
use super::attempts::Attempts;

/// A day, and how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) date: Date,
    pub(super) is_staged: bool,
    pub(super) is_sent: bool,
    /// Whether sending it began, and was not completed.
    pub(super) is_begun: bool,
}

/// What is known of the days of a staging directory.
pub(super) fn look(staging: &Directory, attempts: &Attempts) -> io::Result<Vec<Day>> {
    let look = |date| -> io::Result<Day> {
        let directory = daily_dir::open(staging, date)?;
        let has = |name: &str| directory.status(OsStr::new(name)).map(|status| status.is_some());
        let (is_staged, is_sent) = (has(indicator::STAGE)?, has(INDICATOR)?);
        Ok(Day { date, is_staged, is_sent, is_begun: attempts.has(date)? })
    };
    daily_dir::days(staging)?.into_iter().map(look).collect()
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// These days are sent, the oldest first.
    Send(Vec<Date>),
    /// What there is has been sent.
    AllSent,
    /// There is nothing that could be sent.
    NothingStaged,
}

/// The first of today, yesterday and tomorrow that is due, as with the originals; days that an earlier run began to send and
/// did not complete; and with `catch_up` every other. A full backup is about today alone, whether that was sent or not.
pub(super) fn choose(days: &[Day], today: Date, full: bool, catch_up: bool) -> Choice {
    let staged = |date: Date| days.iter().find(|day| day.date == date && day.is_staged);
    if full {
        return staged(today).map_or(Choice::NothingStaged, |day| Choice::Send(vec![day.date]));
    }
    let near = around(today);
    let first = near.into_iter().filter_map(staged).find(|day| !day.is_sent);
    let is_due = |day: &&Day| {
        let is_first = first.is_some_and(|first| first.date == day.date);
        day.is_staged && !day.is_sent && (is_first || day.is_begun || catch_up)
    };
    let mut due: Vec<Date> = days.iter().filter(is_due).map(|day| day.date).collect();
    due.sort_unstable();
    match near.into_iter().any(|date| staged(date).is_some()) {
        _ if !due.is_empty() => Choice::Send(due),
        true => Choice::AllSent,
        false => Choice::NothingStaged,
    }
}

/// Today, yesterday, tomorrow.
fn around(today: Date) -> [Date; 3] {
    let day = Span::new().days(1);
    [today, today.saturating_sub(day), today.saturating_add(day)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(day: i8) -> Date {
        Date::constant(2026, 11, day)
    }

    /// Days of the month with `s`taged, `S`ent after that, `b`egun.
    fn days(text: &[(i8, &str)]) -> Vec<Day> {
        let day = |(day, flags): &(i8, &str)| Day {
            date: date(*day),
            is_staged: flags.contains('s'),
            is_sent: flags.contains('S'),
            is_begun: flags.contains('b'),
        };
        text.iter().map(day).collect()
    }

    fn chosen(text: &[(i8, &str)], full: bool, catch_up: bool) -> Choice {
        choose(&days(text), date(24), full, catch_up)
    }

    fn send(days: &[i8]) -> Choice {
        Choice::Send(days.iter().map(|day| date(*day)).collect())
    }

    #[test]
    fn today_comes_before_yesterday_and_that_before_tomorrow() {
        assert_eq!(chosen(&[(23, "s"), (24, "s"), (25, "s")], false, false), send(&[24]));
        assert_eq!(chosen(&[(23, "s"), (24, "sS"), (25, "s")], false, false), send(&[23]));
        assert_eq!(chosen(&[(23, "sS"), (24, ""), (25, "s")], false, false), send(&[25]));
    }

    #[test]
    fn days_that_were_begun_are_caught_up_with_and_others_where_that_is_asked_for() {
        let days = [(10, "s"), (11, "sb"), (12, "b"), (13, "sSb"), (24, "s")];
        assert_eq!(chosen(&days, false, false), send(&[11, 24]));
        assert_eq!(chosen(&days, false, true), send(&[10, 11, 24]));
        assert_eq!(chosen(&days, true, true), send(&[24]));
    }

    #[test]
    fn nothing_to_do_is_told_from_nothing_there() {
        assert_eq!(chosen(&[(20, "s"), (24, "sS")], false, false), Choice::AllSent);
        assert_eq!(chosen(&[(20, "s"), (24, "")], false, false), Choice::NothingStaged);
        assert_eq!(chosen(&[(23, "s")], true, false), Choice::NothingStaged);
        assert_eq!(chosen(&[(24, "sS")], true, false), send(&[24]));
    }
}

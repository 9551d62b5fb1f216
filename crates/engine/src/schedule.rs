//! Which items run today, and how much of them: pure functions of configuration, calendar and memory.

use jiff::civil::{Date, Weekday};
use redcedar_config::value::{CollectMode, StartingDay};

/// After how many days without a full backup one is due, whatever day it is: then a starting day was missed.
const WEEK: i32 = 7;

/// Whole days from one date to another; negative when the other is earlier.
pub(crate) fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

/// What a run knows about its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Today {
    /// The local day.
    pub date: Date,
    /// Whether the backup week begins on it.
    pub is_starting_day: bool,
    /// Whether a full backup was asked for.
    pub full: bool,
}

impl Today {
    /// The facts about a day.
    pub fn new(date: Date, starting_day: StartingDay, full: bool) -> Self {
        Self { date, is_starting_day: date.weekday() == weekday(starting_day), full }
    }
}

/// What is to be done with an item today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Skip,
    /// Everything is stored, and memory starts anew.
    Full(Reason),
    /// What changed is stored.
    Increment,
}

/// Why everything is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The item's mode, the day or the user says so.
    Regular,
    /// The last full backup is too old: a starting day was missed.
    Overdue,
}

/// Decides about an item. `last_full` is the day of its last full backup or, before there is one, the day it was first
/// seen waiting; none when nothing is known.
pub fn due(mode: CollectMode, today: Today, last_full: Option<Date>) -> Due {
    let regular = today.full || today.is_starting_day;
    match mode {
        CollectMode::Daily => Due::Full(Reason::Regular),
        CollectMode::Weekly | CollectMode::Incremental if regular => Due::Full(Reason::Regular),
        CollectMode::Weekly | CollectMode::Incremental if is_week_old(last_full, today.date) => {
            Due::Full(Reason::Overdue)
        }
        CollectMode::Weekly => Due::Skip,
        CollectMode::Incremental => Due::Increment,
    }
}

/// Whether a week or more has gone by since a day.
pub fn is_week_old(day: Option<Date>, today: Date) -> bool {
    day.is_some_and(|day| (today - day).get_days() >= WEEK)
}

/// The first day of the backup week, as calendars have it.
pub fn weekday(day: StartingDay) -> Weekday {
    match day {
        StartingDay::Monday => Weekday::Monday,
        StartingDay::Tuesday => Weekday::Tuesday,
        StartingDay::Wednesday => Weekday::Wednesday,
        StartingDay::Thursday => Weekday::Thursday,
        StartingDay::Friday => Weekday::Friday,
        StartingDay::Saturday => Weekday::Saturday,
        StartingDay::Sunday => Weekday::Sunday,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const REGULAR: Due = Due::Full(Reason::Regular);
    const OVERDUE: Due = Due::Full(Reason::Overdue);

    /// 24 November 2026 is a Tuesday.
    fn today(starting_day: StartingDay, full: bool) -> Today {
        Today::new(date(2026, 11, 24), starting_day, full)
    }

    #[test]
    fn mode_and_day_decide() {
        use CollectMode::{Daily, Incremental, Weekly};
        let ordinary = today(StartingDay::Monday, false);
        let start = today(StartingDay::Tuesday, false);
        let forced = today(StartingDay::Monday, true);
        for (mode, expected) in [
            (Daily, [REGULAR, REGULAR, REGULAR]),
            (Weekly, [Due::Skip, REGULAR, REGULAR]),
            (Incremental, [Due::Increment, REGULAR, REGULAR]),
        ] {
            assert_eq!([ordinary, start, forced].map(|day| due(mode, day, None)), expected, "{mode}");
        }
    }

    #[test]
    fn a_missed_starting_day_is_made_up_for_after_a_week() {
        let ordinary = today(StartingDay::Monday, false);
        let six = Some(date(2026, 11, 18));
        let seven = Some(date(2026, 11, 17));
        assert_eq!(due(CollectMode::Weekly, ordinary, six), Due::Skip);
        assert_eq!(due(CollectMode::Weekly, ordinary, seven), OVERDUE);
        assert_eq!(due(CollectMode::Incremental, ordinary, six), Due::Increment);
        assert_eq!(due(CollectMode::Incremental, ordinary, seven), OVERDUE);
        assert_eq!(due(CollectMode::Incremental, ordinary, Some(date(2025, 12, 1))), OVERDUE);
    }

    #[test]
    fn a_last_full_backup_in_the_future_is_not_overdue() {
        let ordinary = today(StartingDay::Monday, false);
        assert_eq!(due(CollectMode::Incremental, ordinary, Some(date(2027, 1, 1))), Due::Increment);
    }

    #[test]
    fn every_day_of_the_week_can_be_the_starting_day() {
        use StartingDay::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
        let days = [Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday];
        for (offset, day) in days.into_iter().enumerate() {
            let on = date(2026, 11, 23)
                .checked_add(jiff::Span::new().days(i64::try_from(offset).unwrap()))
                .unwrap();
            assert!(Today::new(on, day, false).is_starting_day, "{day}");
        }
    }
}

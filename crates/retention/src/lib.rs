//! Which backups are kept, and why: a pure function of when they were made.
//!
//! Staged days, generations and days in a bucket are all thinned out by the same rules. Whoever deletes adds what only he
//! knows (what builds on what, what is complete) by protecting moments.

use std::fmt;

use jiff::civil::{Date, DateTime, Weekday};

/// How many are kept of each kind. What no rule wants goes; a policy without any rule keeps everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// The newest so many.
    pub last: u32,
    /// The newest of each of the newest so many hours that have any.
    pub hourly: u32,
    /// The newest of each of the newest so many days.
    pub daily: u32,
    /// The newest of each of the newest so many weeks, which begin on Monday.
    pub weekly: u32,
    /// The newest of each of the newest so many months.
    pub monthly: u32,
    /// The newest of each of the newest so many years.
    pub yearly: u32,
    /// All of the so many days before now.
    pub within_days: u32,
}

impl Policy {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why one is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// No rule was given.
    NoPolicy,
    /// One of the newest.
    Last,
    /// The newest of its hour.
    Hourly,
    /// The newest of its day.
    Daily,
    /// The newest of its week.
    Weekly,
    /// The newest of its month.
    Monthly,
    /// The newest of its year.
    Yearly,
    /// Young enough.
    Within,
    /// Protected by the caller: marked, incomplete knowledge, or something that is kept builds on it.
    Protected,
    /// The newest of all, which never goes.
    Newest,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPolicy => "nothing is to be removed",
            Self::Last => "one of the last",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
            Self::Within => "young",
            Self::Protected => "protected",
            Self::Newest => "the newest",
        })
    }
}

/// One backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When it was made, in local time.
    pub time: DateTime,
    /// Whether it stays whatever the rules say.
    pub is_protected: bool,
}

/// Why nothing is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RetentionError {
    /// A backup is younger than now: the clock went back, or it was wrong then. Ages mean nothing.
    #[error(
        "the newest backup is of {newest}, and now is {now}: one of the clocks is wrong, nothing is removed"
    )]
    Clock {
        /// When the newest was made.
        newest: DateTime,
        /// The time now.
        now: DateTime,
    },
}

/// Why each of `moments` is kept; one without a reason goes. The order of `moments` does not matter.
///
/// # Errors
/// When one of them lies more than a day in the future.
pub fn decide(
    policy: &Policy,
    moments: &[Moment],
    now: DateTime,
) -> Result<Vec<Vec<Reason>>, RetentionError> {
    let mut reasons = vec![Vec::new(); moments.len()];
    let mut newest_first: Vec<usize> = (0..moments.len()).collect();
    newest_first.sort_by(|a, b| moments[*b].time.cmp(&moments[*a].time).then(b.cmp(a)));
    let Some(newest) = newest_first.first() else { return Ok(reasons) };
    let newest_time = moments[*newest].time;
    if days_between(now.date(), newest_time.date()) > 1 {
        return Err(RetentionError::Clock { newest: newest_time, now });
    }
    for index in newest_first.iter().take(policy.last as usize) {
        reasons[*index].push(Reason::Last);
    }
    let time = |index: usize| moments[index].time;
    keep_newest_of_each(policy.hourly, Reason::Hourly, &newest_first, &mut reasons, |index| {
        (time(index).date(), i32::from(time(index).hour()))
    });
    keep_newest_of_each(policy.daily, Reason::Daily, &newest_first, &mut reasons, |index| time(index).date());
    keep_newest_of_each(policy.weekly, Reason::Weekly, &newest_first, &mut reasons, |index| {
        monday_of(time(index).date())
    });
    keep_newest_of_each(policy.monthly, Reason::Monthly, &newest_first, &mut reasons, |index| {
        (time(index).year(), time(index).month())
    });
    keep_newest_of_each(policy.yearly, Reason::Yearly, &newest_first, &mut reasons, |index| {
        time(index).year()
    });
    for (moment, reasons) in moments.iter().zip(&mut reasons) {
        if policy.within_days > 0
            && days_between(moment.time.date(), now.date()) <= i64::from(policy.within_days)
        {
            reasons.push(Reason::Within);
        }
        if policy.is_empty() {
            reasons.push(Reason::NoPolicy);
        }
        if moment.is_protected {
            reasons.push(Reason::Protected);
        }
    }
    if reasons[*newest].is_empty() {
        reasons[*newest].push(Reason::Newest);
    }
    Ok(reasons)
}

/// Adds `reason` to the newest of each of the newest `count` periods.
fn keep_newest_of_each<P: PartialEq>(
    count: u32,
    reason: Reason,
    newest_first: &[usize],
    reasons: &mut [Vec<Reason>],
    period: impl Fn(usize) -> P,
) {
    let mut previous = None;
    let mut left = count;
    for index in newest_first {
        if left == 0 {
            return;
        }
        let own = period(*index);
        if previous.as_ref() != Some(&own) {
            reasons[*index].push(reason);
            previous = Some(own);
            left -= 1;
        }
    }
}

fn monday_of(date: Date) -> Date {
    let days = date.weekday().since(Weekday::Monday);
    date.saturating_sub(jiff::Span::new().days(days))
}

/// Whole days from `from` to `to`; negative when `to` is earlier.
fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn days(list: &[&str]) -> Vec<Moment> {
        let moment = |text: &&str| Moment { time: text.parse().unwrap(), is_protected: false };
        list.iter().map(moment).collect()
    }

    fn kept<'a>(policy: &Policy, list: &[&'a str], now: &str) -> Vec<&'a str> {
        let reasons = decide(policy, &days(list), now.parse().unwrap()).unwrap();
        list.iter().zip(reasons).filter(|(_, reasons)| !reasons.is_empty()).map(|(day, _)| *day).collect()
    }

    #[test]
    fn the_newest_of_each_period_is_kept() {
        let list = [
            "2025-12-31T02:00",
            "2026-10-31T02:00",
            "2026-11-14T02:00",
            "2026-11-16T02:00",
            "2026-11-22T02:00",
            "2026-11-23T02:00",
            "2026-11-24T02:00",
            "2026-11-24T02:30",
            "2026-11-24T14:00",
        ];
        let now = "2026-11-24T15:00";
        let rows: [(Policy, &[usize]); 8] = [
            (Policy { last: 2, ..Policy::default() }, &[7, 8]),
            (Policy { hourly: 2, ..Policy::default() }, &[7, 8]),
            (Policy { daily: 3, ..Policy::default() }, &[4, 5, 8]),
            // Weeks begin on Monday the 23rd, the 16th and the 9th.
            (Policy { weekly: 3, ..Policy::default() }, &[2, 4, 8]),
            (Policy { monthly: 3, ..Policy::default() }, &[0, 1, 8]),
            (Policy { yearly: 5, ..Policy::default() }, &[0, 8]),
            (Policy { within_days: 2, ..Policy::default() }, &[4, 5, 6, 7, 8]),
            (Policy::default(), &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ];
        for (policy, expected) in rows {
            let expected: Vec<&str> = expected.iter().map(|index| list[*index]).collect();
            assert_eq!(kept(&policy, &list, now), expected, "{policy:?}");
        }
    }

    #[test]
    fn every_reason_is_given() {
        let moments = days(&["2026-11-24T02:00"]);
        let policy = Policy { last: 1, daily: 1, yearly: 1, ..Policy::default() };
        let reasons = decide(&policy, &moments, date(2026, 11, 24).at(3, 0, 0, 0)).unwrap();
        assert_eq!(reasons, [[Reason::Last, Reason::Daily, Reason::Yearly]]);
    }

    #[test]
    fn a_clock_that_went_back_removes_nothing() {
        let policy = Policy { within_days: 3, ..Policy::default() };
        let error = decide(&policy, &days(&["2026-11-24T02:00"]), "2026-11-20T02:00".parse().unwrap());
        assert!(matches!(error, Err(RetentionError::Clock { .. })));
        // A day is what time zones can make of it.
        assert!(decide(&policy, &days(&["2026-11-24T02:00"]), "2026-11-23T20:00".parse().unwrap()).is_ok());
    }

    proptest! {
        #[test]
        fn the_newest_and_the_protected_always_stay(
            hours in proptest::collection::vec((0i64..20_000, any::<bool>()), 1..40),
            last in 0u32..3, daily in 0u32..4, weekly in 0u32..4, monthly in 0u32..4, within_days in 0u32..40,
        ) {
            let start = date(2024, 1, 1).at(0, 0, 0, 0);
            let moments: Vec<Moment> = hours
                .iter()
                .map(|(hours, is_protected)| Moment {
                    time: start.saturating_add(jiff::Span::new().hours(*hours)),
                    is_protected: *is_protected,
                })
                .collect();
            let policy = Policy { last, daily, weekly, monthly, within_days, ..Policy::default() };
            let now = start.saturating_add(jiff::Span::new().hours(20_001));
            let reasons = decide(&policy, &moments, now).unwrap();
            let newest = moments.iter().map(|moment| moment.time).max();
            prop_assert!(moments.iter().zip(&reasons).any(|(moment, reasons)| Some(moment.time) == newest && !reasons.is_empty()));
            for (moment, reasons) in moments.iter().zip(&reasons) {
                prop_assert!(!moment.is_protected || reasons.contains(&Reason::Protected));
            }
            // More of a rule never keeps less.
            let more = decide(&Policy { daily: daily + 1, ..policy }, &moments, now).unwrap();
            if !policy.is_empty() {
                for (less, more) in reasons.iter().zip(&more) {
                    prop_assert!(less.is_empty() || !more.is_empty());
                }
            }
        }
    }
}

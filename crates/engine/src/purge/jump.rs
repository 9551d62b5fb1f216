//! Whether the clock has jumped forward: everything would look old at once.

use std::fmt;

use jiff::civil::Date;

use crate::schedule::days_between;

/// Shorter gaps are those of a holiday.
const SHORTEST: i64 = 7;
/// So many days staged after a gap show that the clock is right.
const PROOF: usize = 3;
/// A gap is no surprise when there was one half as long before.
const SURPRISE: i64 = 2;

/// Days without anything staged, as after a jump of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jump {
    /// The last day before.
    pub from: Date,
    /// The first day after; today when nothing has been staged since.
    pub to: Date,
}

impl fmt::Display for Jump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(f, "nothing was staged between {from} and {to}: the clock may have jumped")
    }
}

/// The last surprising gap in `days`, which ascend, or between them and today, and how many of them lie before it; none when
/// enough days have been staged since.
pub(super) fn find(days: &[Date], today: Date, retain_days: u64) -> Option<(Jump, usize)> {
    let shortest = i64::try_from(retain_days).unwrap_or(i64::MAX).max(SHORTEST);
    let mut longest = 0;
    let mut found = None;
    for (place, from) in days.iter().enumerate() {
        let to = days.get(place + 1).copied().unwrap_or(today);
        let gap = days_between(*from, to);
        if gap > shortest && gap > longest * SURPRISE {
            found = Some((Jump { from: *from, to }, place + 1));
        }
        longest = longest.max(gap);
    }
    found.filter(|(_, before)| days.len() - before < PROOF)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = Date::constant(2026, 11, 24);

    /// How many days are before the jump; how long ago the days were, oldest first.
    fn before(ago: &[i64], retain_days: u64) -> Option<usize> {
        let days: Vec<Date> = ago.iter().map(|ago| TODAY - jiff::Span::new().days(*ago)).collect();
        find(&days, TODAY, retain_days).map(|(_, before)| before)
    }

    #[test]
    fn days_before_a_surprising_gap_count_as_before_a_jump_until_three_were_staged_since() {
        let rows: [(&[i64], u64, Option<usize>); 14] = [
            (&[], 7, None),
            (&[3, 2, 1, 0], 7, None),
            (&[402, 401, 400, 0], 7, Some(3)),
            (&[402, 401, 400, 1, 0], 7, Some(3)),
            (&[402, 401, 400, 2, 1, 0], 7, None),
            // The clock jumped, and nothing was staged yet.
            (&[402, 401, 400], 7, Some(3)),
            // Not longer than the limit, which is a week at least.
            (&[9, 8, 7], 3, None),
            (&[10, 9, 8], 3, Some(3)),
            (&[31, 30], 30, None),
            (&[32, 31], 30, Some(2)),
            // Whoever stages every two weeks has no jumps, once that is known.
            (&[28, 14, 0], 7, Some(1)),
            (&[42, 28, 14, 0], 7, None),
            // One that was kept every month, and the last two days.
            (&[85, 54, 24, 1, 0], 2, None),
            // A smaller gap after a jump does not make it good.
            (&[402, 401, 400, 20, 19], 7, Some(3)),
        ];
        for (ago, retain_days, expected) in rows {
            assert_eq!(before(ago, retain_days), expected, "{ago:?} {retain_days}");
        }
    }
}

//! Days as people say them.

use std::str::FromStr;

use jiff::Span;
use jiff::civil::Date;

/// A day, perhaps relative to today.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Day {
    /// `2026-11-24`
    On(Date),
    /// `today`, `yesterday`, `3 days ago`, `2 weeks ago`, `1 month ago`
    Ago(Ago),
}

/// How long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ago {
    count: i32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Day,
    Week,
    Month,
    Year,
}

/// Text that names no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DayError {
    #[error("expected a day: YYYY-MM-DD, \"today\", \"yesterday\" or \"3 days ago\"")]
    Unknown,
    #[error("that is longer ago than the calendar goes")]
    OutOfRange,
}

impl Day {
    /// The date, seen from `today`.
    pub(crate) fn resolve(self, today: Date) -> Result<Date, DayError> {
        match self {
            Self::On(date) => Ok(date),
            Self::Ago(ago) => today.checked_sub(ago.span()?).map_err(|_beyond| DayError::OutOfRange),
        }
    }
}

impl Ago {
    fn span(self) -> Result<Span, DayError> {
        let span = match self.unit {
            Unit::Day => Span::new().try_days(self.count),
            Unit::Week => Span::new().try_weeks(self.count),
            Unit::Month => Span::new().try_months(self.count),
            Unit::Year => Span::new().try_years(self.count),
        };
        span.map_err(|_beyond| DayError::OutOfRange)
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let words: Vec<_> = text.split_whitespace().map(str::to_lowercase).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let ago = |count, unit| Ok(Self::Ago(Ago { count, unit }));
        match words[..] {
            ["today"] => ago(0, Unit::Day),
            ["yesterday"] => ago(1, Unit::Day),
            [count, unit, "ago"] => {
                let count = count.parse::<u16>().map_err(|_no_number| DayError::Unknown)?;
                ago(i32::from(count), unit.parse()?)
            }
            [date] => date.parse().map(Self::On).map_err(|_no_date| DayError::Unknown),
            _ => Err(DayError::Unknown),
        }
    }
}

impl FromStr for Unit {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        match text {
            "day" | "days" => Ok(Self::Day),
            "week" | "weeks" => Ok(Self::Week),
            "month" | "months" => Ok(Self::Month),
            "year" | "years" => Ok(Self::Year),
            _ => Err(DayError::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn days_are_understood_as_people_say_them() {
        let today = date(2026, 3, 31);
        let cases = [
            ("2026-01-02", date(2026, 1, 2)),
            ("today", today),
            ("Yesterday", date(2026, 3, 30)),
            ("3 days ago", date(2026, 3, 28)),
            ("1 day  ago", date(2026, 3, 30)),
            ("2 weeks ago", date(2026, 3, 17)),
            ("1 month ago", date(2026, 2, 28)),
            ("1 year ago", date(2025, 3, 31)),
        ];
        for (text, day) in cases {
            assert_eq!(text.parse::<Day>().unwrap().resolve(today), Ok(day), "{text}");
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "tomorrow",
            "2026-13-01",
            "2026-02-30",
            "-1 days ago",
            "x days ago",
            "3 days",
            "3 apples ago",
        ] {
            assert_eq!(text.parse::<Day>(), Err(DayError::Unknown), "{text}");
        }
        assert_eq!(
            "60000 years ago".parse::<Day>().unwrap().resolve(date(2026, 1, 1)),
            Err(DayError::OutOfRange)
        );
    }
}

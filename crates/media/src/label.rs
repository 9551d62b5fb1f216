//! What discs are called: `CEDAR BACKUP 29-JUL-2026`.

use std::fmt;

use jiff::civil::Date;

/// How the label of every disc of ours begins.
pub const PREFIX: &str = "CEDAR BACKUP";

/// The longest name that a disc can have.
const LONGEST: usize = 32;

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// A label for a disc.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Label(String);

impl Label {
    /// The label of what is written on a day, as the originals have it.
    pub fn of(date: Date) -> Self {
        let month = MONTHS.get(usize::from(date.month().unsigned_abs()) - 1).copied().unwrap_or_default();
        Self(format!("{PREFIX} {:02}-{month}-{:04}", date.day(), date.year()))
    }

    /// The label of one disc of several that were written on a day, `CEDAR BACKUP 29-JUL-2026 2/13`: as much of it as there
    /// is room for.
    pub fn of_several(date: Date, number: usize, count: usize) -> Self {
        let mut label = format!("{} {number}/{count}", Self::of(date));
        label.truncate(LONGEST);
        Self(label)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a disc with this label was written by us or the originals.
pub fn is_ours(label: &str) -> bool {
    label.starts_with(PREFIX)
}

/// The day that a label of ours names.
pub fn date(label: &str) -> Option<Date> {
    let text = label.strip_prefix(PREFIX)?.split_whitespace().next()?;
    let mut parts = text.split('-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    Date::new(year.parse().ok()?, i8::try_from(month).ok()?, day.parse().ok()?).ok()
}

/// Which disc of how many a label of ours names, and what it begins with: that of the others begins so as well.
pub fn of_set(label: &str) -> Option<(&str, usize, usize)> {
    let (begin, numbers) = label.rsplit_once(' ')?;
    let (number, count) = numbers.split_once('/')?;
    let (number, count) = (number.parse().ok()?, count.parse().ok()?);
    (is_ours(begin) && (1..=count).contains(&number)).then_some((begin, number, count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil;

    #[test]
    fn a_label_names_the_day_and_the_day_is_read_back() {
        for (day, text) in [
            (civil::date(2026, 7, 29), "CEDAR BACKUP 29-JUL-2026"),
            (civil::date(2027, 1, 2), "CEDAR BACKUP 02-JAN-2027"),
            (civil::date(2026, 12, 31), "CEDAR BACKUP 31-DEC-2026"),
        ] {
            assert_eq!(Label::of(day).as_str(), text);
            assert_eq!(date(text), Some(day));
        }
        let label = Label::of_several(civil::date(2026, 7, 29), 2, 13);
        assert_eq!(label.as_str(), "CEDAR BACKUP 29-JUL-2026 2/13");
        assert_eq!(date(label.as_str()), Some(civil::date(2026, 7, 29)));
        assert!(Label::of_several(civil::date(2026, 7, 29), 10_000, 10_000).as_str().len() <= LONGEST);
    }

    #[test]
    fn a_disc_of_several_says_which_it_is() {
        let begin = "CEDAR BACKUP 29-JUL-2026";
        assert_eq!(of_set(&format!("{begin} 2/13")), Some((begin, 2, 13)));
        for label in [begin, "CDROM 1/2", "CEDAR BACKUP X 3/2", "CEDAR BACKUP X 0/2", "CEDAR BACKUP X 1/"] {
            assert_eq!(of_set(label), None, "{label}");
        }
    }

    #[test]
    fn other_labels_are_not_ours_or_have_no_day() {
        assert!(is_ours("CEDAR BACKUP 29-JUL-2026") && is_ours("CEDAR BACKUP"));
        for label in ["CDROM", "", "cedar backup 29-JUL-2026"] {
            assert!(!is_ours(label), "{label}");
        }
        for label in
            ["CDROM", "CEDAR BACKUP", "CEDAR BACKUP 31-FEB-2026", "CEDAR BACKUP 1-Jul-2026", "CEDAR BACKUP -"]
        {
            assert_eq!(date(label), None, "{label}");
        }
    }
}

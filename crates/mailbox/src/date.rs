//! Dates as they stand in mail: by the book, and as programs have written them all the same.

use bstr::ByteSlice;
use jiff::civil;
use jiff::tz::TimeZone;

/// How many characters of a date are looked at.
const LONGEST: usize = 200;

/// Seconds since 1970 of a date. Without a zone of its own it is of the zone `zone`. Nothing when any of it cannot be understood:
/// half a date is worse than none.
pub fn parse(text: &[u8], zone: &TimeZone) -> Option<i64> {
    let text = text.get(..LONGEST.min(text.len()))?.to_str().ok()?;
    let mut parts = Parts::default();
    for word in
        without_comments(text).split([' ', '\t', '\r', '\n', ',', '"']).filter(|word| !word.is_empty())
    {
        parts.take(&word.to_ascii_lowercase())?;
    }
    parts.instant(zone)
}

/// What is in parentheses explains the rest to people.
fn without_comments(text: &str) -> String {
    let mut depth = 0_u32;
    let keep = |character: &char| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    };
    text.chars().filter(keep).collect()
}

#[derive(Default)]
struct Parts {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    time: Option<(i8, i8, i8)>,
    /// Seconds east of Greenwich.
    offset: Option<i32>,
}

impl Parts {
    /// Takes a word; nothing when it does not fit.
    fn take(&mut self, word: &str) -> Option<()> {
        if let Some((date, time)) = word.split_once('t').filter(|(date, _)| date.contains('-')) {
            self.take_numbers(date)?;
            return self.take_time(time);
        }
        if word.contains(':') && !word.starts_with(['+', '-', 'g', 'u']) {
            return self.take_time(word);
        }
        if word.contains(['-', '/']) && word.starts_with(|first: char| first.is_ascii_digit()) {
            return self.take_numbers(word);
        }
        if let Ok(number) = word.parse::<i16>()
            && word.starts_with(|first: char| first.is_ascii_digit())
        {
            return self.take_number(number, word.len());
        }
        if let Some(month) = month(word) {
            return set(&mut self.month, month);
        }
        match word {
            "am" | "pm" => self.take_half(word == "pm"),
            "dst" => self.offset.as_mut().map(|offset| *offset += 3600),
            _ if is_weekday(word) => Some(()),
            _ => self.take_zone(word),
        }
    }

    /// `HH:MM[:SS[.F]]`, perhaps with a zone behind it.
    fn take_time(&mut self, word: &str) -> Option<()> {
        let end = word.find(['z', '+', '-']).unwrap_or(word.len());
        let (time, zone) = word.split_at(end);
        let mut fields = time.splitn(3, ':');
        let hour = number(fields.next()?, 2)?;
        let minute = number(fields.next()?, 2)?;
        let second = fields.next().map_or(Some(0), |second| {
            let (second, fraction) = second.split_once('.').unwrap_or((second, ""));
            fraction.bytes().all(|byte| byte.is_ascii_digit()).then(|| number(second, 2))?
        })?;
        set(&mut self.time, (hour, minute, second))?;
        if zone.is_empty() { Some(()) } else { self.take_zone(zone) }
    }

    /// `YYYY-MM-DD`, `DD-Mon-YYYY`, `MM/DD/YYYY`.
    fn take_numbers(&mut self, word: &str) -> Option<()> {
        let mut fields = word.split(['-', '/']);
        let fields = [fields.next()?, fields.next()?, fields.next()?, fields.next().unwrap_or_default()];
        let (year, month_of, day) = match fields {
            [year, month_of, day, ""] if year.len() == 4 => (year, number(month_of, 2)?, day),
            [day, name, year, ""] if month(name).is_some() => (year, month(name)?, day),
            [month_of, day, year, ""] if word.contains('/') => (year, number(month_of, 2)?, day),
            _ => return None,
        };
        set(&mut self.year, full_year(year.parse().ok()?, year.len())?)?;
        set(&mut self.month, month_of)?;
        set(&mut self.day, number(day, 2)?)
    }

    /// A number that stands alone: the day first, then the year.
    fn take_number(&mut self, number: i16, digits: usize) -> Option<()> {
        if digits <= 2 && self.day.is_none() {
            return set(&mut self.day, i8::try_from(number).ok()?);
        }
        set(&mut self.year, full_year(number, digits)?)
    }

    fn take_half(&mut self, is_afternoon: bool) -> Option<()> {
        let (hour, ..) = self.time.as_mut()?;
        if !(1..=12).contains(hour) {
            return None;
        }
        *hour = *hour % 12 + if is_afternoon { 12 } else { 0 };
        Some(())
    }

    fn take_zone(&mut self, word: &str) -> Option<()> {
        let name = word.find(['+', '-']).map_or(word, |end| &word[..end]);
        let digits = &word[name.len()..];
        let base = if name.is_empty() { 0 } else { hours(name)? * 3600 };
        set(&mut self.offset, base + if digits.is_empty() { 0 } else { offset(digits)? })
    }

    fn instant(&self, zone: &TimeZone) -> Option<i64> {
        let (hour, minute, second) = self.time.unwrap_or_default();
        let local = civil::Date::new(self.year?, self.month?, self.day?).ok()?;
        let local = local.to_datetime(civil::Time::new(hour, minute, second, 0).ok()?);
        match self.offset {
            Some(offset) => {
                let utc = local.to_zoned(TimeZone::UTC).ok()?;
                Some(utc.timestamp().as_second() - i64::from(offset))
            }
            None => Some(local.to_zoned(zone.clone()).ok()?.timestamp().as_second()),
        }
    }
}

/// Fills a part in; a second value for it means that the text is something else.
fn set<T>(part: &mut Option<T>, value: T) -> Option<()> {
    part.is_none().then(|| *part = Some(value))
}

fn number(text: &str, most_digits: usize) -> Option<i8> {
    let plain =
        !text.is_empty() && text.len() <= most_digits && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

fn full_year(year: i16, digits: usize) -> Option<i16> {
    match (digits, year) {
        (2, 0..70) => Some(2000 + year),
        (2, _) => Some(1900 + year),
        (4, _) => Some(year),
        _ => None,
    }
}

/// `+HHMM` or `+HH:MM` in seconds.
fn offset(text: &str) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text[1..].chars().filter(|character| *character != ':').collect();
    let (hours, minutes) = digits.split_at_checked(2).filter(|(_, minutes)| minutes.len() == 2)?;
    Some(sign * (i32::from(number(hours, 2)?) * 3600 + i32::from(number(minutes, 2)?) * 60))
}

fn month(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let is_name = |name: &str| word == name || word == &name[..3] || (word == "sept" && name == "september");
    let index = MONTHS.iter().position(|name| is_name(name))?;
    i8::try_from(index + 1).ok()
}

fn is_weekday(word: &str) -> bool {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    DAYS.iter().any(|day| word == *day || word == &day[..3])
}

/// Hours east of Greenwich of the zones with names that mail programs use.
fn hours(zone: &str) -> Option<i32> {
    Some(match zone {
        "ut" | "utc" | "gmt" | "z" | "wet" => 0,
        "met" | "mez" | "cet" | "bst" | "west" => 1,
        "eet" | "cest" | "mest" | "mesz" => 2,
        "eest" | "msk" => 3,
        "jst" => 9,
        "edt" => -4,
        "est" | "cdt" => -5,
        "cst" | "mdt" => -6,
        "mst" | "pdt" => -7,
        "pst" => -8,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        let instant = parse(text.as_bytes(), &TimeZone::UTC)?;
        Some(jiff::Timestamp::from_second(instant).unwrap().to_string())
    }

    #[test]
    fn dates_are_understood_as_grepmail_understands_them() {
        for (text, expected) in [
            ("Tue, 24 Nov 2026 10:00:00 +0100", "2026-11-24T09:00:00Z"),
            (" Tue,24 nov 2026 10:00:00 +0100 (CET)", "2026-11-24T09:00:00Z"),
            ("24 Nov 2026 10:00", "2026-11-24T10:00:00Z"),
            ("24 Nov 26 10:00:00 GMT", "2026-11-24T10:00:00Z"),
            ("24 Nov 99 10:00:00", "1999-11-24T10:00:00Z"),
            ("Tue, 24 Nov 2026 10:00:00 PST", "2026-11-24T18:00:00Z"),
            ("Tue, 24 Nov 2026 10:00:00 EDT", "2026-11-24T14:00:00Z"),
            ("Tue, 24 Nov 2026 10:00:00 CEST", "2026-11-24T08:00:00Z"),
            ("Tue, 24 Nov 2026 10:00:00 MET DST", "2026-11-24T08:00:00Z"),
            ("Tue, 24 Nov 2026 10:00:00 \"GMT\"", "2026-11-24T10:00:00Z"),
            ("Tue, 24 Nov 2026 10:00:00 GMT+0100", "2026-11-24T09:00:00Z"),
            ("Tue, 24 Nov 2026 10:00:00 +01:00", "2026-11-24T09:00:00Z"),
            ("Tue, 24 Nov 2026 10:00:00 +9999", "2026-11-20T05:21:00Z"),
            ("Tue, 24 Nov 2026 10:00:00.5 +0100", "2026-11-24T09:00:00Z"),
            ("Tue, 4 Nov 2026 1:02:03 -0330", "2026-11-04T04:32:03Z"),
            ("Wed, 24 Nov 2026 10:00:00 -0000", "2026-11-24T10:00:00Z"),
            (" Tue Nov 24 10:00:00 2026\n", "2026-11-24T10:00:00Z"),
            (" Tue Nov 24 10:00:00 CET 2026\r\n", "2026-11-24T09:00:00Z"),
            ("2026-11-24 10:00:00", "2026-11-24T10:00:00Z"),
            ("2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z"),
            ("2026-11-24T10:00:00+01:00", "2026-11-24T09:00:00Z"),
            ("2026-11-24", "2026-11-24T00:00:00Z"),
            ("2026/11/24 10:00:00", "2026-11-24T10:00:00Z"),
            ("11/24/2026 10:00", "2026-11-24T10:00:00Z"),
            ("24-Nov-2026 10:00:00", "2026-11-24T10:00:00Z"),
            ("Nov 24, 2026 10:00 am", "2026-11-24T10:00:00Z"),
            ("Nov 24, 2026 10:00 PM", "2026-11-24T22:00:00Z"),
            ("Nov 24, 2026 12:30 AM", "2026-11-24T00:30:00Z"),
            ("Tuesday, November 24, 2026 10:00:00", "2026-11-24T10:00:00Z"),
            ("Sept 4 2026 10:00", "2026-09-04T10:00:00Z"),
            ("(x) 24 Nov 2026 10:00:00 +0100", "2026-11-24T09:00:00Z"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "garbage",
            "1795514400",
            "Di, 24 Dez 2026 10:00:00",
            "Tue, 24 Nov 2026 25:00:00",
            "Tue, 32 Nov 2026 10:00:00",
            "Tue, 24 Nov 2026 10:00:60 +0000",
            "Tue, 24 Nov 2026 10:00:00 XYZ",
            "Tue, 24 Nov 2026 10:00:00 +0100 foo",
            "Tue, 24 Nov 2026 10.00.00 +0100",
            "24/11/2026 10:00",
            "24.11.2026 10:00:00",
            "Tue, 24 Nov 126 10:00:00",
            "24 Nov 2026 25 10:00",
            "Tue, 24 N\u{f8}v 2026",
            "13:00 pm 24 Nov 2026",
        ] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_date_without_a_zone_is_local() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(parse(b"24 Nov 2026 10:00", &zone), parse(b"24 Nov 2026 10:00 +0200", &zone));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[ -~\u{e9}]{0,40}|[0-9:,+ -]{0,40}|[A-Za-z0-9: ,+-]{0,40}") {
            let _instant = parse(text.as_bytes(), &TimeZone::UTC);
        }
    }
}

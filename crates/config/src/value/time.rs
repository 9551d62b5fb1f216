//! Times of day.

use std::fmt;
use std::str::FromStr;

use super::Mismatch;

/// An hour and a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}

impl FromStr for TimeOfDay {
    type Err = Mismatch;

    /// `HH:MM`; the hour may have one digit.
    fn from_str(text: &str) -> Result<Self, Mismatch> {
        let number = |digits: &str, below: u8| {
            let is_number =
                (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|number| is_number && *number < below)
        };
        let parsed = text.split_once(':').and_then(|(hour, minute)| {
            let minute = Some(minute).filter(|minute| minute.len() == 2)?;
            Some(Self { hour: number(hour, 24)?, minute: number(minute, 60)? })
        });
        parsed.ok_or(Mismatch("must be a time of day such as `05:30`"))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_has_hours_and_minutes() {
        for (text, hour, minute) in [("05:30", 5, 30), ("5:30", 5, 30), ("00:00", 0, 0), ("23:59", 23, 59)] {
            let time: TimeOfDay = text.parse().unwrap();
            assert_eq!(time, TimeOfDay { hour, minute });
            assert_eq!(time.to_string().parse(), Ok(time));
        }
        for text in ["24:00", "5:60", "5:3", "5", "", ":", "05:30:00", "+5:30", " 5:30", "5:+3", "005:30"] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text:?}");
        }
    }
}

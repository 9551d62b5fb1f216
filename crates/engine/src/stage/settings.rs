//! How peers are staged: what the configuration says, and what overrides it.

use std::num::NonZero;
use std::time::Duration;

use jiff::Zoned;
use jiff::civil::Date;
use redcedar_config::cedar::Stage;
use redcedar_config::value::TimeOfDay;

use super::queue::Policy;

/// What overrides the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StageSettings {
    /// How many peers are staged at once.
    pub jobs: Option<NonZero<usize>>,
    /// Until when peers that are not ready are waited for.
    pub wait_until: Option<TimeOfDay>,
}

/// How peers are staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    /// How many at once.
    pub(super) jobs: usize,
    /// What may be spent on each.
    pub(super) time_limit: Duration,
    /// When they are tried again.
    pub(super) policy: Policy,
}

impl Rules {
    pub(super) fn new(section: &Stage, settings: StageSettings, now: &Zoned) -> Self {
        let jobs = section.jobs.map(|jobs| usize::try_from(jobs).unwrap_or(usize::MAX));
        let minutes = section.peer_time_limit.unwrap_or(360);
        let wait_until = settings.wait_until.or(section.wait_until);
        Self {
            jobs: settings.jobs.map(NonZero::get).or(jobs).unwrap_or(4),
            time_limit: Duration::from_secs(minutes.saturating_mul(60)),
            policy: Policy {
                retries: section.retries.unwrap_or(2),
                first_pause: Duration::from_secs(5),
                longest_pause: Duration::from_mins(5),
                ask_every: Duration::from_mins(1),
                wait: wait_until.map(|time| until(now, time)),
            },
        }
    }
}

/// How long it takes until it is so late: today, or else tomorrow. A time that a change of the clock skips is the one after it.
fn until(now: &Zoned, time: TimeOfDay) -> Duration {
    let hour = i8::try_from(time.hour).unwrap_or(0);
    let minute = i8::try_from(time.minute).unwrap_or(0);
    let today = now.date();
    let left = |day: Date| {
        let then = day.at(hour, minute, 0, 0).to_zoned(now.time_zone().clone()).ok()?;
        Duration::try_from(then.timestamp().duration_since(now.timestamp())).ok()
    };
    left(today).or_else(|| left(today.tomorrow().ok()?)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_deadline_is_the_next_time_that_it_is_so_late() {
        let berlin = |text: &str| -> Zoned { format!("{text}[Europe/Berlin]").parse().unwrap() };
        for (now, time, minutes) in [
            ("2026-11-24T02:30", "05:30", 180),
            ("2026-11-24T22:30", "05:30", 420),
            ("2026-11-24T05:30", "05:30", 0),
            ("2026-11-24T05:31", "05:30", 24 * 60 - 1),
            // In these nights the clock is put forward, and back.
            ("2026-03-29T00:30", "05:30", 240),
            ("2026-10-25T00:30", "05:30", 360),
        ] {
            let wait = until(&berlin(now), time.parse().unwrap());
            assert_eq!(wait, Duration::from_mins(minutes), "{now} {time}");
        }
    }

    #[test]
    fn the_command_line_goes_before_the_configuration_and_that_before_the_defaults() {
        let now: Zoned = "2026-11-24T02:30[UTC]".parse().unwrap();
        let mut section = sample::config(std::path::Path::new("/pool")).stage.unwrap();
        let rules = Rules::new(&section, StageSettings::default(), &now);
        assert_eq!((rules.jobs, rules.policy.retries, rules.policy.wait), (4, 2, None));
        assert_eq!(rules.time_limit, Duration::from_hours(6));
        section.jobs = Some(2);
        section.peer_time_limit = Some(1);
        section.retries = Some(0);
        section.wait_until = Some("03:30".parse().unwrap());
        let rules = Rules::new(&section, StageSettings::default(), &now);
        assert_eq!((rules.jobs, rules.policy.retries), (2, 0));
        assert_eq!(rules.policy.wait, Some(Duration::from_hours(1)));
        assert_eq!(rules.time_limit, Duration::from_mins(1));
        let settings = StageSettings { jobs: NonZero::new(7), wait_until: Some("02:31".parse().unwrap()) };
        let rules = Rules::new(&section, settings, &now);
        assert_eq!((rules.jobs, rules.policy.wait), (7, Some(Duration::from_mins(1))));
    }
}
